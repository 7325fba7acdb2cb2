"""What copies of a model train apart, and what they tell each other of it (see `ApartSettings`).

The rows of each step are divided as for data-parallel training, so every row is read once, whoever reads it. A round
is some steps; one copy's share of its rows is a block. Copies either meet after each round, or hand in their blocks to
a server one by one and take the next that nobody has (`danlu.training.parallel.server`), until there is something that
they have to do together: save a checkpoint, validate, stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.training.batches import Batch, Batches
from danlu.training.loop import Observer, StepReport
from danlu.training.parallel.shares import Share

FACTS = ("loss_sum", "num_targets", "num_tokens", "squared_norm", "seconds", "learning_rate")
"""Of a step of a block, in the order in which copies tell each other."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """What a copy trains by itself."""

    first_step: int
    end_step: int
    """The first one after it."""
    share: int
    """Of the rows of these steps."""


class ShareOfBatches:
    """Of the batches of a training, the part of one copy.

    Args:
        whole: Of all copies.
        count: How many copies there are.
        share: Which one's.
    """

    def __init__(self, whole: Batches, count: int, share: int) -> None:
        self._whole = whole
        self._count = count
        self._share = share

    def at(self, step: int) -> Batch:
        batch = self._whole.at(step)
        own = list(Share(batch.micro_batches, self._share, self._count, in_step=False))
        if not own:
            raise UserError(
                f"Step {step + 1} has {len(batch.micro_batches)} pieces, too few for {self._count} copies to share.",
                "Lower batch.rows_at_once, or raise batch.rows.",
            )
        return replace(
            batch,
            micro_batches=own,
            num_targets=max(sum(micro.num_targets for micro in own), 1),  # by which a sum of none is divided
            num_tokens=sum(micro.num_tokens for micro in own),
        )

    def names(self, step: int) -> str:
        return self._whole.names(step)


class Record:
    """Observer of one block: what it came to, step by step."""

    def __init__(self) -> None:
        self._rows: list[list[float]] = []

    def after_step(self, report: StepReport) -> None:
        self._rows.append(
            [
                report.loss * report.num_targets,
                report.num_targets,
                report.num_tokens,
                report.gradient_norm**2,
                report.seconds,
                report.learning_rate,
            ]
        )

    @property
    def numbers(self) -> Numbers:
        """(steps, len(FACTS))"""
        return np.array(self._rows, dtype=np.float64)


TrainBlock = Callable[[Block], Numbers]
"""Trains what this process holds on a block; returns its `Record`."""


@dataclass(frozen=True)
class Rounds:
    """Of how many steps they are."""

    every_steps: int
    num_steps: int
    """Of the training."""

    def end_after(self, step: int) -> int:
        """Where the round ends that `step` (0-based) belongs to."""
        return min((step // self.every_steps + 1) * self.every_steps, self.num_steps)


class Tell:
    """Has observers see each step of a round when all shares of it are there, as one of all copies.

    Args:
        observers: Who see it.
        is_by_rank: Whether a rank has the same share of every round.
    """

    def __init__(self, observers: Sequence[Observer], *, is_by_rank: bool) -> None:
        self._observers = observers
        self._is_by_rank = is_by_rank
        self._last = time.perf_counter()

    def __call__(self, first_step: int, shares: list[Numbers]) -> None:
        """
        Args:
            first_step: Of the round.
            shares: (steps, len(FACTS)) of each.
        """
        now = time.perf_counter()
        facts = dict(zip(FACTS, np.moveaxis(np.array(shares), 2, 0), strict=True))
        num_steps = facts["seconds"].shape[1]
        seconds = (now - self._last) / num_steps
        self._last = now
        for number in range(num_steps):
            here = {name: values[:, number] for name, values in facts.items()}
            report = StepReport(
                step=first_step + number + 1,
                loss=float(here["loss_sum"].sum() / here["num_targets"].sum()),
                learning_rate=float(here["learning_rate"].max()),
                gradient_norm=math.sqrt(float(here["squared_norm"].mean())),
                num_tokens=int(here["num_tokens"].sum()),
                num_targets=int(here["num_targets"].sum()),
                seconds=seconds,
                rank_seconds=here["seconds"].tolist() if self._is_by_rank else (),
            )
            for observer in self._observers:
                observer.after_step(report)
