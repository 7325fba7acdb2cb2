"""What is known of one training: its curves, its settings, and facts about its data."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """One metric along a run."""

    steps: Floats
    """Shape (points,): where each value was taken, ascending. Of other trainers it may be the epoch."""
    values: Floats
    """Shape (points,); may hold values that are not finite."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def finite(self) -> Series:
        """Without values that are not finite."""
        kept = np.isfinite(self.values)
        return Series(self.steps[kept], self.values[kept])

    def between(self, first: float, last: float) -> Series:
        """The points from step `first` to step `last`, both included."""
        kept = (self.steps >= first) & (self.steps <= last)
        return Series(self.steps[kept], self.values[kept])

    def after(self, share: float) -> Series:
        """Without the first `share` of the points."""
        first = int(share * len(self))
        return Series(self.steps[first:], self.values[first:])

    @classmethod
    def of(cls, steps: Sequence[float], values: Sequence[float]) -> Series:
        """In the order of the steps; of several values of one step, the last one."""
        last = dict(zip(steps, values, strict=True))
        return cls(np.array(sorted(last), np.float64), np.array([last[step] for step in sorted(last)], np.float64))


@dataclass(frozen=True, eq=False)
class HeldOutClasses:
    """What a trained classifier says of rows it was not trained on."""

    labels: npt.NDArray[np.int64]
    """Shape (rows,): the class that the data names."""
    probabilities: Floats
    """Shape (rows, classes)."""
    split: str

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        named: npt.NDArray[np.int64] = self.probabilities.argmax(1)
        return named


@dataclass(frozen=True)
class DataFacts:
    """What is known of the data besides the curves; None where it is not."""

    unigram_nats: float | None = None
    """Entropy of the targets taken one by one: the loss of a model that knows how frequent each is and no more."""
    vocabulary_size: int | None = None
    class_counts: Mapping[str, int] | None = None
    """Training documents of each class."""
    held_out: HeldOutClasses | None = None


@dataclass(frozen=True)
class Curves:
    """Everything an ailment may look at."""

    name: str
    """Of the run, for people."""
    series: Mapping[str, Series]
    stage: str | None = None
    """What the recipe calls the training; None for runs of other trainers."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the train stage with defaults; empty for runs of other trainers."""
    num_steps: int | None = None
    """That the run is to make, where it is known."""
    is_running: bool = False
    error: str | None = None
    """What ended the run before its time."""
    data: DataFacts = field(default_factory=DataFacts)

    def get(self, name: str) -> Series | None:
        """The metric with that name, or None if nothing of it was recorded."""
        found = self.series.get(name)
        return found if found is not None and len(found) else None

    def of_modules(self, prefix: str) -> dict[str, Series]:
        """What was recorded under ``prefix/NAME``, by NAME, in the order in which it was first recorded."""
        start = f"{prefix}/"
        return {name.removeprefix(start): series for name, series in self.series.items() if name.startswith(start)}

    def setting(self, *path: str, default: Any = None) -> Any:
        """A value of the settings by its path, or `default` where there is none."""
        node: Any = self.settings
        for key in path:
            if not isinstance(node, Mapping) or key not in node:
                return default
            node = node[key]
        return default if node is None else node

    def set_option(self, setting: str, value: object) -> str | None:
        """``--set STAGE.SETTING=VALUE``, for a shell; None for a run that no recipe of ours made."""
        return f"--set {shlex.quote(f'{self.stage}.{setting}={value}')}" if self.stage else None


def by_layer(series: Mapping[str, Series]) -> Iterator[tuple[int, str, Series]]:
    """Those of numbered layers as (number, name, series): of ``layers.3.mlp`` and ``3`` the number is 3."""
    for name, one in series.items():
        numbers = [int(part) for part in name.split(".") if part.isdecimal()]
        if numbers:
            yield numbers[0], name, one
