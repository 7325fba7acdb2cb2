"""The job of bench_pretrain and bench_memory: the stages before training, the rows for other programs, Danlu's run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.common import REPOSITORY, run_command, run_recipe, shared_cache_environment
from benchmarks.peer import Peer
from benchmarks.turns import Program
from danlu.artifacts.tokens import TokenStore
from danlu.training.rows.contiguous import ContiguousRows

RECIPE = REPOSITORY / "benchmarks" / "pretrain.yaml"
ROWS_PER_STEP = 8
LENGTH = 512

TRAINER, LITGPT = Peer("transformers"), Peer("litgpt", shares_versions=False)


@dataclass(frozen=True)
class Job:
    """What lies ready to be trained."""

    workspace: Path
    model: Path
    """Hugging Face directory with random weights."""
    rows: dict[int, Path]
    """.npy of (rows, length) token ids, by length."""
    flops_per_token: float

    @classmethod
    def prepare(cls, directory: Path, steps: int) -> Job:
        """Make corpus, tokenizer, tokens and model with Danlu, and train one step; write rows for the other programs.

        Args:
            directory: Empty; everything is made there.
            steps: For how many there shall be rows.
        """
        workspace = directory / "workspace"
        stages = run_recipe(RECIPE, workspace, *settings(steps=1))["stages"]
        store = TokenStore.open(Path(stages["packed"]["path"]), "train")
        paths = {}
        for length in (LENGTH, LENGTH + 1):
            rows = ContiguousRows(store, length, seed=0, isolate_documents=False)
            ids = np.stack([rows.row(place).input_ids for place in range(steps * ROWS_PER_STEP)])
            paths[length] = directory / f"rows-{length}.npy"
            np.save(paths[length], ids)
        facts = json.loads((Path(stages["trained"]["path"]) / "artifact.json").read_text(encoding="utf-8"))["facts"]
        flops_per_token = facts["flops"] / facts["num_tokens_trained"]
        return cls(workspace, Path(stages["blank"]["path"]), paths, flops_per_token)

    def program(self, *, steps: int) -> Program:
        """``danlu run`` in which training is all there is left to do."""
        command = run_command(RECIPE, self.workspace, *settings(steps=steps, seed=1))
        return Program(command, shared_cache_environment())

    def step_times(self) -> list[float]:
        """When each step of that ended, in seconds of the clock."""
        stages = self.workspace / "runs" / "bench-pretrain" / "stages" / "trained"
        latest = max(stages.iterdir(), key=lambda stage: stage.stat().st_mtime)
        return [moment for moment, _ in scalars(latest, "train/seconds").values()]

    def peer_program(self, peer: Peer, configuration: str, times: Path) -> Program:
        """A peer on the same rows, until they are used up."""
        command = peer.command(f"{peer.name}_pretrain.py", **self.peer_arguments(peer, configuration, times))
        return Program(command, peer.environment())

    def peer_arguments(
        self, peer: Peer, configuration: str, times: Path, *, steps: int | None = None
    ) -> dict[str, Any]:
        """For its script.

        Args:
            times: File for the times at which steps ended.
            steps: As many as there are rows for if not given.
        """
        rows = self.rows[LENGTH + 1 if peer is LITGPT else LENGTH]
        return {
            "model": self.model,
            "rows": rows,
            "configuration": configuration,
            "steps": steps or len(np.load(rows, mmap_mode="r")) // ROWS_PER_STEP,
            "learning_rate": learning_rate(),
            "times": times,
        }


def settings(**changes: Any) -> list[str]:
    """Settings of the training stage, beside those of the recipe, for the command line. Dots stand for `__`."""
    stage = {"budget.steps" if name == "steps" else name.replace("__", "."): value for name, value in changes.items()}
    return [part for name, value in stage.items() for part in ("--set", f"trained.{name}={json.dumps(value)}")]


def learning_rate() -> float:
    """The recipe's, for all programs."""
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return float(recipe["stages"]["trained"]["optimizer"]["learning_rate"])


def scalars(stage: Path, name: str) -> dict[int, tuple[float, float]]:
    """What a stage wrote for TensorBoard under a name: by step, the time of the clock, in seconds, and the value.

    Empty where it wrote nothing under it.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(stage / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    if name not in events.Tags()["scalars"]:
        return {}
    return {event.step: (event.wall_time, event.value) for event in events.Scalars(name)}
