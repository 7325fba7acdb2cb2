"""Numbers of parameters, added up over the ranks that hold parts of them."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.training.health.norms import SumOverRanks, one_rank
from danlu.training.held import Held


def sum_over_ranks(held: Held, names: Sequence[str]) -> SumOverRanks:
    """For numbers of what each rank holds. What several ranks hold whole is counted once.

    Args:
        held: By the calling rank.
        names: Of all trained parameters of the whole model, the same on all ranks.
    """
    if held.world.size == 1:
        return one_rank
    copies = {name: held.num_copies(piece) for name, piece in held.pieces.items()}

    def total(numbers: dict[str, float]) -> dict[str, float]:
        mine = [numbers[name] / copies[name] if name in numbers else 0.0 for name in names]
        return dict(zip(names, held.world.sum_numbers(mine), strict=True))

    return total
