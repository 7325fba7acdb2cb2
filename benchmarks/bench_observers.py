"""What watching a training costs at its default, as a share of the time of a step.

The model and the steps are those of `benchmarks/pretrain.yaml`: a Llama of 17 million weights, 8 rows of 512 tokens. In
one process take turns

- ``plain`` steps, which are only written down: loss, rate, norm, tokens and seconds;
- ``guarded`` steps, watched as every step is: outliers, data wait, utilisation, the machine's state;
- ``looked at`` steps, each of them looked at closely besides;
- ``pictured`` steps, of which TensorBoard gets pictures besides.

At the default one step in 50 is looked at and one in 500 has pictures, so the cost is what guarded steps take more, and
a fiftieth and a five hundredth of what the other two take more than guarded ones.

Training stands still while a step is watched, and a stopwatch says for how long; what that is beside the rest of the
same steps is the figure, the median over the rounds. The ratios of whole steps are reported, too: what runs
besides on the machine moves them by far more than watching does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import yaml

from benchmarks.common import report
from benchmarks.pretrain_job import LENGTH, RECIPE, ROWS_PER_STEP, Job
from danlu.artifacts.tokens import TokenStore
from danlu.hardware.machine import num_usable_cores
from danlu.hardware.roof import matrix_roof
from danlu.models.compiling import register_compiled_attention
from danlu.models.precision import compute_dtype
from danlu.telemetry.allocator import ask_for_huge_pages, limit_arenas
from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.reporter import Reporter
from danlu.telemetry.system import SystemSampler
from danlu.training.batches import BatchStream
from danlu.training.checkpoint import Checkpoints
from danlu.training.config import TrainConfig
from danlu.training.gradients import finisher
from danlu.training.health.attempt import Attempt, Inspect, stop_if_not_finite
from danlu.training.health.health import Health
from danlu.training.health.pictures import decoder_of
from danlu.training.health.settings import HealthSettings
from danlu.training.health.utilisation import Utilisation
from danlu.training.health.watch import WatchSystem
from danlu.training.held import hold
from danlu.training.loop import Observer, StepReport, train
from danlu.training.observers import WriteMetrics
from danlu.training.optimizer import make_optimizer
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.settings import CheckpointSettings
from danlu.training.setup import load_trainable, make_scaler, passes_over

BAR = 0.02
KINDS: dict[str, HealthSettings | None] = {
    "plain": None,
    "guarded": HealthSettings(every_steps=None),
    "looked at": HealthSettings(every_steps=1, pictures_every_steps=10**9),
    "pictured": HealthSettings(every_steps=1, pictures_every_steps=1),
}
STEPS = {"plain": 3, "guarded": 3, "looked at": 3, "pictured": 1}
"""Of each kind in a round."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--rounds", type=int, default=12, help="besides a first, which is not counted")
    options = parser.parse_args()
    ask_for_huge_pages()
    limit_arenas(num_usable_cores())
    with tempfile.TemporaryDirectory(prefix="danlu-observers-") as name:
        directory = Path(name)
        job = Job.prepare(directory, steps=1)
        turns = measure(job, directory, options.rounds + 1)
    counted = {kind: own[1:] for kind, own in turns.items()}
    shares = {kind: statistics.median(turn.watched / turn.rest for turn in own) for kind, own in counted.items()}
    over_plain = {
        kind: statistics.median(turn.whole / plain.whole for turn, plain in zip(own, counted["plain"], strict=True))
        for kind, own in counted.items()
    }
    every, pictures_every = HealthSettings().every_steps, HealthSettings().picture_steps
    assert every is not None
    assert pictures_every is not None
    met = report(
        "observers_share_of_step_time",
        round(cost(shares, every, pictures_every), 5),
        BAR,
        smaller_is_better=True,
        every_steps=every,
        pictures_every_steps=pictures_every,
        watched_over_rest={kind: round(share, 5) for kind, share in shares.items()},
        whole_step_over_plain={kind: round(ratio, 5) for kind, ratio in over_plain.items()},
        turns={kind: [asdict(turn) for turn in own] for kind, own in turns.items()},
    )
    sys.exit(not met)


def cost(shares: dict[str, float], every: int, pictures_every: int) -> float:
    """Share of a step's time, where one in `every` is looked at and one in `pictures_every` has pictures."""
    guarded = shares["guarded"] - shares["plain"]
    looked = (shares["looked at"] - shares["guarded"]) / every
    return guarded + looked + (shares["pictured"] - shares["looked at"]) / pictures_every


@dataclass(frozen=True)
class Turn:
    """Some steps of one kind, in mean seconds of a step."""

    whole: float
    watched: float
    """Training stood still."""

    @property
    def rest(self) -> float:
        return self.whole - self.watched


class Stopwatch:
    """Adds up the time that observers and the inspection take."""

    def __init__(self, observers: list[Observer], inspect: Inspect) -> None:
        self.seconds = 0.0
        self._observers = observers
        self._inspect = inspect

    def inspect(self, attempt: Attempt) -> bool:
        started = time.perf_counter()
        try:
            return self._inspect(attempt)
        finally:
            self.seconds += time.perf_counter() - started

    def after_step(self, step_report: StepReport) -> None:
        started = time.perf_counter()
        for observer in self._observers:
            observer.after_step(step_report)
        self.seconds += time.perf_counter() - started


def measure(job: Job, directory: Path, rounds: int) -> dict[str, list[Turn]]:
    """One turn of each kind for each round."""
    stage = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["stages"]["trained"]
    config = TrainConfig.model_validate(stage)
    stores = [path for path in job.workspace.glob("artifacts/tokens/*") if path.is_dir()]
    rows = ContiguousRows(TokenStore.open(stores[0], "train"), LENGTH, seed=0, isolate_documents=False)
    batches = BatchStream(rows, rows_per_batch=ROWS_PER_STEP, rows_at_once=config.batch.rows_at_once)
    model = load_trainable(job.model, config, register_compiled_attention())
    held, reporter = hold(model), Reporter()
    turns: dict[str, list[Turn]] = {kind: [] for kind in KINDS}
    nowhere = directory / "checkpoints"
    checkpoints = Checkpoints(
        nowhere, nowhere, CheckpointSettings(every_seconds=1e9), fingerprint="", reporter=reporter
    )
    with checkpoints, closing(MetricsWriter(directory / "run", 1)) as writer, passes_over(model, config) as passes:
        utilisation = Utilisation(model, matrix_roof(compute_dtype(config.precision)))
        machine = WatchSystem(SystemSampler(num_usable_cores()), writer)
        ways = {"plain": Stopwatch([WriteMetrics(writer)], stop_if_not_finite)}
        for kind, settings in KINDS.items():
            if settings is not None:
                health = Health(settings, directory / kind, reporter)
                decode = decoder_of(job.model, model)
                inspector = health.inspector(held, list(held.tensors), passes, checkpoints, writer, decode)
                ways[kind] = Stopwatch([inspector, WriteMetrics(writer, utilisation), machine], inspector.may_move)
        make_steps: Callable[..., int] = partial(
            train,
            held=held,
            passes=passes,
            batches=batches,
            optimizer=make_optimizer(model, config.optimizer),
            learning_rate=lambda step, highest: highest,
            finish_gradients=finisher(config),
            should_stop=lambda: False,
            scaler=make_scaler(config),
        )
        # What is compiled is so now.
        step = make_steps(first_step=0, num_steps=2, observers=[], inspect=stop_if_not_finite)
        for number in range(rounds):
            for kind, way in ways.items():
                started, before, count = time.perf_counter(), way.seconds, STEPS[kind]
                step = make_steps(first_step=step, num_steps=step + count, observers=[way], inspect=way.inspect)
                whole = time.perf_counter() - started
                turns[kind].append(Turn(whole / count, (way.seconds - before) / count))
            last = {kind: own[-1] for kind, own in turns.items()}
            said = (f"{kind} {turn.rest:.3f} + {turn.watched:.4f} s" for kind, turn in last.items())
            print(f"round {number}: {', '.join(said)}", flush=True)
    return turns


if __name__ == "__main__":
    main()
