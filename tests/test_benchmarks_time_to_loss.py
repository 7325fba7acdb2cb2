import math
from typing import Any

import pytest
from benchmarks.bench_time_to_loss import first_reached, sweep_rates


@pytest.mark.parametrize(("best", "tried"), [(1e-3, 3), (4e-3, 4), (2.5e-4, 5)])
def test_the_sweep_goes_one_beyond_the_best_rate_on_either_side(best: float, tried: int) -> None:
    def run(rate: float) -> dict[str, Any]:
        return {"learning_rate": rate, "final_loss": math.log(rate / best) ** 2}

    sweep = sweep_rates(run)
    rates = sorted(facts["learning_rate"] for facts in sweep)
    assert len(rates) == len(set(rates)) == tried
    assert min(rates) < min(sweep, key=lambda facts: facts["final_loss"])["learning_rate"] < max(rates)
    assert min(sweep, key=lambda facts: facts["final_loss"])["learning_rate"] == pytest.approx(best)


def test_a_loss_is_reached_where_the_curve_first_is_no_higher() -> None:
    curve = [[10.0, 40.0, 6.0], [20.0, 80.0, 5.0], [30.0, 120.0, 5.5]]
    assert first_reached(curve, 5.0) == 20.0
    assert first_reached(curve, 5.9) == 20.0
    assert math.isinf(first_reached(curve, 4.9))
