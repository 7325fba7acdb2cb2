"""Memory of pre-training beside transformers' Trainer at its defaults: the job of bench_pretrain, 8 rows of 512 tokens.

The figure is the peak resident memory of ``danlu run``, of which training is all that is left to do, over that of the
Trainer's process. It holds what ``danlu run`` does besides: the probe of its plan, and the compiler, which finds
nothing compiled yet. Memory is that of a process and all its children together, looked at twenty times a second, or
the kernel's own high-water mark of the process where that is higher; pages that two processes share count twice.

Beside the figure stand variants of both programs, and what the parts of Danlu's own memory are, phase by phase.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench_demo import tree_memory
from benchmarks.common import (
    REPOSITORY,
    interleave,
    last_json,
    median_ratio,
    report,
    run_command,
    shared_cache_environment,
)
from benchmarks.pretrain_job import RECIPE, TRAINER, Job, settings

BAR = 0.60
SAMPLE_SECONDS = 0.05
MIB = 2**20

VARIANTS: dict[str, dict[str, Any]] = {
    "danlu": {},
    "danlu, compiled before": {},
    "danlu, a row at once": {"batch__rows_at_once": 1},
    "danlu, not compiled": {"compile": False},
    "danlu, in float32": {"precision": "fp32"},
}
"""Settings beside the recipe's."""
PEERS = {"trainer fp32": "fp32", "trainer bf16 compiled": "bf16-compiled"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--phases-of", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phases_of:
        print(json.dumps(phases(*options.phases_of, steps=options.steps)))
        return

    TRAINER.make()
    with tempfile.TemporaryDirectory(prefix="danlu-memory-") as directory:
        job = Job.prepare(Path(directory), options.steps)

        def ours(number: int, *, name: str) -> float:
            changes = settings(steps=options.steps, seed=number, **VARIANTS[name])
            environment = shared_cache_environment()
            with tempfile.TemporaryDirectory() as nothing_compiled:
                if name == "danlu":
                    environment["TORCHINDUCTOR_CACHE_DIR"] = nothing_compiled
                # A workspace of its own, or one variant would find what another has trained.
                command = run_command(RECIPE, copied(job.workspace, name, number), *changes)
                return peak_memory(command, environment) / MIB

        def theirs(number: int, *, name: str) -> float:
            times = Path(directory) / "times"
            arguments = job.peer_arguments(TRAINER, PEERS[name], times, steps=options.steps)
            return peak_memory(TRAINER.command("transformers_pretrain.py", **arguments), TRAINER.environment()) / MIB

        programs = {name: partial(ours, name=name) for name in VARIANTS} | {
            name: partial(theirs, name=name) for name in PEERS
        }
        figures = interleave(options.rounds, programs)
        parts = measure_phases(job, options.steps)

    share = round(median_ratio(figures["danlu"], figures["trainer fp32"]), 3)
    shares = {name: round(median_ratio(figures[name], figures["trainer fp32"]), 3) for name in figures}
    met = report(
        "pretrain_memory_over_trainer_defaults",
        share,
        BAR,
        smaller_is_better=True,
        peak_mebibytes=figures,
        shares=shares,
        phases_mebibytes=parts,
        peer_versions=TRAINER.versions(),
    )
    sys.exit(not met)


def copied(workspace: Path, name: str, number: int) -> Path:
    """A workspace with the same artifacts, by hard links."""
    target = workspace.parent / f"{list(VARIANTS).index(name)}-{number}"
    subprocess.run(["cp", "--recursive", "--link", str(workspace), str(target)], check=True)
    return target


def peak_memory(command: list[str], environment: dict[str, str]) -> int:
    """Bytes that a command and its children held at most."""
    peak = 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid), high_water_mark(process.pid))
            time.sleep(SAMPLE_SECONDS)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read()}")
    return peak


def high_water_mark(pid: int | str) -> int:
    """Most resident bytes of a process so far, as Linux counts them; 0 elsewhere or when it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def measure_phases(job: Job, steps: int) -> list[dict[str, Any]]:
    """`phases` in a process of its own, with everything compiled before."""
    packed = next((job.workspace / "artifacts" / "tokens").iterdir())
    command = [sys.executable, "-m", "benchmarks.bench_memory", "--phases-of", str(job.model), str(packed)]
    finished = subprocess.run(
        [*command, "--steps", str(steps)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=shared_cache_environment(),
    )
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")
    found: list[dict[str, Any]] = last_json(finished.stdout)["phases"]
    return found


def phases(model_directory: Path, packed: Path, *, steps: int) -> dict[str, Any]:
    """Train as the stage does and say of each phase what it held at most, and what was left after it."""
    import psutil

    process, found = psutil.Process(), []

    def ended(name: str) -> None:
        found.append(
            {
                "phase": name,
                "peak": round(high_water_mark("self") / MIB),
                "after": round(process.memory_info().rss / MIB),
            }
        )
        # Lets the high-water mark begin again at what is held now.
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")

    from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    from transformers import AutoModelForCausalLM  # noqa: F401

    ended("importing torch and transformers")

    from danlu.artifacts.tokens import TokenStore
    from danlu.models.compiling import register_compiled_attention
    from danlu.training.batches import BatchStream
    from danlu.training.config import TrainConfig
    from danlu.training.gradients import finisher
    from danlu.training.optimizer import make_optimizer
    from danlu.training.rows.contiguous import ContiguousRows
    from danlu.training.setup import load_trainable, passes_over

    config = TrainConfig.model_validate(recipe_settings())
    batches = BatchStream(
        ContiguousRows(TokenStore.open(packed, "train"), 512, config.seed, isolate_documents=config.isolate_documents),
        rows_per_batch=config.batch.rows,
        rows_at_once=config.batch.rows_at_once,
    )
    model = load_trainable(model_directory, config, register_compiled_attention())
    optimizer, finish = make_optimizer(model, config.optimizer), finisher(config)
    ended(f"weights in float32 ({round(sum(parameter.nbytes for parameter in model.parameters()) / MIB)} MiB)")
    with passes_over(model, config) as passes:
        model.train()
        ended("copy of the weights in bf16")
        for step in range(steps):
            passes.accumulate_gradients(batches.at(step))
            ended(f"step {step + 1}: passes" + (", with the compiler" if step == 0 else ""))
            finish(passes.trained)
            optimizer.step()
            optimizer.zero_grad()
            ended(f"step {step + 1}: optimizer")
    return {"phases": found}


def recipe_settings() -> dict[str, Any]:
    import yaml

    stage: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["stages"]["trained"]
    return stage


if __name__ == "__main__":
    main()
