"""Which steps were left out, on the disk before training goes on, so that a run that is killed and continued leaves out
the same ones."""

from __future__ import annotations

import json
from pathlib import Path

from danlu.artifacts.store import write_synced

FILE = "left_out.json"


class LeftOut:
    """Steps of one training stage whose batches are not learnt from.

    Args:
        directory: Of the stage.
        writes: Whether this process keeps the file; one of several does.
    """

    def __init__(self, directory: Path, *, writes: bool = True) -> None:
        self._path = directory / FILE
        self._writes = writes
        self._steps: set[int] = set()
        if self._path.exists():
            self._steps = set(json.loads(self._path.read_text(encoding="utf-8"))["steps"])

    def __contains__(self, step: int) -> bool:
        return step in self._steps

    def add(self, step: int) -> None:
        """Leave a step out from now on; counted from 1."""
        self._steps.add(step)
        if self._writes:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_synced(self._path, json.dumps({"steps": sorted(self._steps)}))

    def num_just_before(self, step: int) -> int:
        """How many steps in a row before this one were left out."""
        count = 0
        while step - count - 1 in self._steps:
            count += 1
        return count
