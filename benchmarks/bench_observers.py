"""What watching a training costs at its default: the time by which a step is longer than one that nobody watches.

The model and the steps are those of `benchmarks/pretrain.yaml`: a Llama of 17 million weights, 8 rows of 512 tokens. In
one process take turns

- ``plain`` steps, which are only written down: loss, rate, norm, tokens and seconds;
- ``guarded`` steps, watched as every step is: outliers, data wait, utilisation, the machine's state;
- ``looked at`` steps, each of them looked at closely besides;
- ``pictured`` steps, of which TensorBoard gets pictures besides.

At the default one step in 50 is looked at and one in 500 has pictures, so the cost is what guarded steps take more, and
a fiftieth and a five hundredth of what the other two take more than guarded ones. Each is the median over the rounds of
ratios within a round. The same is reported of the processor's time, which other programs on the machine disturb less;
what one core alone does while others wait counts there as often as there are cores.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

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
from danlu.training.config import CheckpointSettings, TrainConfig
from danlu.training.gradients import finish_gradients
from danlu.training.health.health import Health
from danlu.training.health.pictures import decoder_of
from danlu.training.health.settings import HealthSettings
from danlu.training.health.utilisation import Utilisation
from danlu.training.health.watch import WatchSystem
from danlu.training.held import hold
from danlu.training.loop import Observer, train
from danlu.training.observers import WriteMetrics
from danlu.training.optimizer import make_optimizer
from danlu.training.rows.contiguous import ContiguousRows
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
        wall, processor = measure(job, directory, options.rounds + 1)
    every, pictures_every = HealthSettings().every_steps, HealthSettings().picture_steps
    assert every is not None
    assert pictures_every is not None
    met = report(
        "observers_share_of_step_time",
        round(cost(over_plain(wall, 1), every, pictures_every), 5),
        BAR,
        smaller_is_better=True,
        share_of_processor_time=round(cost(over_plain(processor, num_usable_cores()), every, pictures_every), 5),
        every_steps=every,
        pictures_every_steps=pictures_every,
        over_plain={kind: round(value, 5) for kind, value in over_plain(wall, 1).items()},
        median_step_seconds={kind: round(statistics.median(values[1:]), 4) for kind, values in wall.items()},
        median_processor_seconds={kind: round(statistics.median(values[1:]), 4) for kind, values in processor.items()},
        step_seconds=wall,
        processor_seconds=processor,
    )
    sys.exit(not met)


def over_plain(seconds: dict[str, list[float]], weight: int) -> dict[str, float]:
    """By kind, the median over the rounds, but for the first, of a step over a plain one.

    Args:
        seconds: Of a step by kind, for each round.
        weight: What is more than a plain step counts so often.
    """
    plain = seconds["plain"]
    return {
        kind: 1 + weight * (statistics.median(mine / other for mine, other in zip(own[1:], plain[1:], strict=True)) - 1)
        for kind, own in seconds.items()
    }


def cost(ratios: dict[str, float], every: int, pictures_every: int) -> float:
    """Share of a step's time, where one in `every` is looked at and one in `pictures_every` has pictures."""
    looked = (ratios["looked at"] - ratios["guarded"]) / every
    return ratios["guarded"] - 1 + looked + (ratios["pictured"] - ratios["looked at"]) / pictures_every


def measure(job: Job, directory: Path, rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Mean seconds of a step by kind, for each round: on the wall, and of the processor."""
    stage = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["stages"]["trained"]
    config = TrainConfig.model_validate(stage)
    stores = [path for path in job.workspace.glob("artifacts/tokens/*") if path.is_dir()]
    rows = ContiguousRows(TokenStore.open(stores[0], "train"), LENGTH, seed=0, isolate_documents=False)
    batches = BatchStream(rows, rows_per_batch=ROWS_PER_STEP, rows_at_once=config.batch.rows_at_once)
    model = load_trainable(job.model, config, register_compiled_attention())
    held, reporter = hold(model), Reporter()
    wall: dict[str, list[float]] = {kind: [] for kind in KINDS}
    processor: dict[str, list[float]] = {kind: [] for kind in KINDS}
    nowhere = directory / "checkpoints"
    checkpoints = Checkpoints(
        nowhere, nowhere, CheckpointSettings(every_seconds=1e9), fingerprint="", reporter=reporter
    )
    with checkpoints, closing(MetricsWriter(directory / "run", 1)) as writer, passes_over(model, config) as passes:
        utilisation = Utilisation(model, matrix_roof(compute_dtype(config.precision)))
        machine = WatchSystem(SystemSampler(num_usable_cores()), writer)
        ways: dict[str, dict[str, Any]] = {"plain": {"observers": [WriteMetrics(writer)]}}
        for kind, settings in KINDS.items():
            if settings is not None:
                health = Health(settings, directory / kind, reporter)
                decode = decoder_of(job.model, model)
                inspector = health.inspector(held, list(held.tensors), passes, checkpoints, writer, decode)
                observers: list[Observer] = [inspector, WriteMetrics(writer, utilisation), machine]
                ways[kind] = {"observers": observers, "inspect": inspector.may_move}
        make_steps: Callable[..., int] = partial(
            train,
            held=held,
            passes=passes,
            batches=batches,
            optimizer=make_optimizer(model, config.optimizer),
            learning_rate=lambda step, highest: highest,
            finish_gradients=partial(
                finish_gradients,
                max_norm=config.max_gradient_norm,
                max_value=config.max_gradient_value,
                regularisation=config.regularisation,
            ),
            checkpoints=checkpoints,
            should_stop=lambda: False,
            scaler=make_scaler(config),
        )
        step = make_steps(first_step=0, num_steps=2, **ways["plain"])  # what is compiled is so now
        for number in range(rounds):
            for kind, how in ways.items():
                started = time.perf_counter(), time.process_time()
                step = make_steps(first_step=step, num_steps=step + STEPS[kind], **how)
                wall[kind].append((time.perf_counter() - started[0]) / STEPS[kind])
                processor[kind].append((time.process_time() - started[1]) / STEPS[kind])
            print(
                f"round {number}: "
                + ", ".join(f"{kind} {wall[kind][-1]:.3f} ({processor[kind][-1]:.3f}) s" for kind in KINDS),
                flush=True,
            )
    return wall, processor


if __name__ == "__main__":
    main()
