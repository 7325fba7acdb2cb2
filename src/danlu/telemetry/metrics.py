"""Numbers along a run: ``metrics.jsonl`` for programs, TensorBoard scalars for eyes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.telemetry.pictures import Pictures
from danlu.telemetry.sinks.sink import Sink


class MetricsWriter:
    """Appends records, each of one step, to ``metrics.jsonl`` and the same numbers to ``tensorboard/``.

    Args:
        directory: Where both are kept.
        first_step: The step a (resumed) run starts with; records at or after it are taken back first, so the file
            reads as if the run had never been interrupted.
        sinks: Get the same numbers; whoever opened them closes them.
    """

    def __init__(self, directory: Path, first_step: int, sinks: Sequence[Sink] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._sinks = sinks
        self._open(first_step)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record `values` for `step`. Sinks do not get those that are not finite, which many cannot take."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._tensorboard.add_scalar(name, value, step)
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        for sink in self._sinks:
            sink.write(step, finite)

    def show(self, step: int, pictures: Pictures) -> None:
        """Put pictures of `step` into TensorBoard."""
        for name, numbers in pictures.histograms.items():
            if len(numbers):
                self._tensorboard.add_histogram(name, numbers, step)
        for name, image in pictures.images.items():
            self._tensorboard.add_image(name, image, step, dataformats="HW")
        for name, text in pictures.texts.items():
            self._tensorboard.add_text(name, text, step)

    def take_back(self, first_step: int) -> None:
        """Take back all records of `first_step` and later ones; these steps will be made again."""
        self.close()
        self._open(first_step)

    def _open(self, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        path = self._directory / "metrics.jsonl"
        kept = [record for record in read_metrics(path) if record["step"] < first_step]
        aside = path.with_suffix(".partial")
        aside.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        os.replace(aside, path)
        self._file = path.open("a", encoding="utf-8")
        self._tensorboard = SummaryWriter(str(self._directory / "tensorboard"), purge_step=first_step)

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


def read_steps(path: Path) -> list[dict[str, Any]]:
    """The records that training steps wrote, one of each; what observers and evaluations wrote is left out."""
    return [record for record in read_metrics(path) if "train/loss" in record]
