"""Weights & Biases, with a server or without: an offline run lies on the disk until ``wandb sync`` sends it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from danlu.telemetry.sinks.sink import library


class WandbSink:
    """One run, which a resumed stage goes on with.

    Args:
        project: Of the run.
        run_name: Of the run.
        mode: Whether there is a server.
        directory: Where the run's files lie.
    """

    def __init__(self, project: str, run_name: str, mode: Literal["online", "offline"], directory: Path) -> None:
        with library("sinks.wandb", "wandb"):
            import wandb

        directory.mkdir(parents=True, exist_ok=True)
        remembered = directory / "id"
        if not remembered.exists():
            remembered.write_text(uuid.uuid4().hex[:8], encoding="utf-8")
        self._run = wandb.init(
            project=project,
            name=run_name,
            mode=mode,
            dir=str(directory),
            id=remembered.read_text(encoding="utf-8"),
            resume="allow",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True),
        )
        # Its own steps may only grow, and there are several records of a step.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"step": step, **values})

    def close(self, *, failed: bool = False) -> None:
        self._run.finish(exit_code=int(failed))
