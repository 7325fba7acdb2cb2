"""Numbers along a run: ``metrics.jsonl`` for programs, TensorBoard scalars for eyes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class MetricsWriter:
    """Appends records, each of one step, to ``metrics.jsonl`` and the same numbers to ``tensorboard/``.

    Args:
        directory: Where both are kept.
        first_step: The step a (resumed) run starts with; records at or after it are taken back first, so the file
            reads as if the run had never been interrupted.
    """

    def __init__(self, directory: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "metrics.jsonl"
        kept = [record for record in read_metrics(path) if record["step"] < first_step]
        aside = path.with_suffix(".partial")
        aside.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        os.replace(aside, path)
        self._file = path.open("a", encoding="utf-8")
        self._tensorboard = SummaryWriter(str(directory / "tensorboard"), purge_step=first_step)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Record `values` for `step`."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._tensorboard.add_scalar(name, value, step)

    def close(self) -> None:
        self._file.close()
        self._tensorboard.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Records of a ``metrics.jsonl``; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records
