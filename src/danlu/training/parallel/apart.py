"""Copies of a model that train apart and come together now and then (see `ApartSettings`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch

from danlu.training.held import Held
from danlu.training.loop import Observer
from danlu.training.parallel.blocks import Block, Rounds, Tell, TrainBlock
from danlu.training.parallel.outer import Outer
from danlu.training.parallel.server import Serving
from danlu.training.parallel.settings import ApartSettings


class Together(Protocol):
    """Something that all ranks do after some of the steps, where they have the same weights."""

    def is_due(self, step: int) -> bool:
        """Whether there is something to do after so many steps, as this rank sees it."""
        ...

    def at(self, step: int) -> None:
        """So many steps have been made."""
        ...


class Copies(Protocol):
    """How copies come together."""

    num_bytes: int
    """That this rank has handed in."""

    def leg(self, step: int, train_block: TrainBlock, tell: Tell, must_meet: Callable[[int], bool]) -> int:
        """Train from `step`, where all have the same weights, to where they have them again; returns that step.

        All ranks call this together.

        Args:
            step: Steps made.
            train_block: Trains what this rank holds.
            tell: Is told what the steps came to, on the first rank at least.
            must_meet: Whether there is something to do together after so many steps.
        """
        ...


class Meeting:
    """Copies that meet after each round.

    Args:
        outer: Of the common weights; each rank has the same.
        held: What this rank trains.
        rounds: Where they end.
    """

    def __init__(self, outer: Outer, held: Held, rounds: Rounds) -> None:
        self.num_bytes = 0
        self._outer = outer
        self._held = held
        self._rounds = rounds

    def leg(self, step: int, train_block: TrainBlock, tell: Tell, must_meet: Callable[[int], bool]) -> int:
        """See `Copies`."""
        world, outer, trained = self._held.world, self._outer, self._held.trained
        end = self._rounds.end_after(step)
        outer.begin_at(trained)
        own = train_block(Block(step, end, world.rank))
        with torch.no_grad():
            ways = list(torch._foreach_sub(outer.weights, trained))
            world.everyone.sum_many_(ways)
            torch._foreach_div_(ways, float(world.size))
            outer.take(ways, 1.0)
            outer.end_round()
            torch._foreach_copy_(trained, outer.weights)
        self.num_bytes += sum(tensor.nbytes for tensor in trained)
        shares = np.zeros((world.size, *own.shape))
        shares[world.rank] = own
        shares = np.array(world.sum_numbers(shares.ravel().tolist())).reshape(shares.shape)
        tell(step, list(shares))
        return end


class Apart:
    """A training by copies.

    Args:
        settings: How far apart.
        held: What this rank trains; the same on all.
        num_steps: Of the training.
    """

    def __init__(self, settings: ApartSettings, held: Held, num_steps: int) -> None:
        self.outer = Outer(settings, held.tensors)
        self._settings = settings
        self._held = held
        self._num_steps = num_steps
        rounds = Rounds(settings.every_steps, num_steps)
        self._copies: Copies = (Serving if settings.asynchronous else Meeting)(self.outer, held, rounds)

    @property
    def num_bytes(self) -> int:
        """That this rank has handed in."""
        return self._copies.num_bytes

    def train(
        self,
        first_step: int,
        train_block: TrainBlock,
        shown: Sequence[Observer],
        together: Sequence[Together],
        should_stop: Callable[[], bool],
    ) -> int:
        """Train from `first_step` (0-based) to the end; all ranks do so together.

        Args:
            first_step: To begin with.
            train_block: Trains what this rank holds.
            shown: See each step as one of all copies.
            together: What is to be done where all have the same weights.
            should_stop: Asked there, and of the first rank now and then before.

        Returns:
            How many steps have been made in all.
        """
        tell = Tell(shown, is_by_rank=not self._settings.asynchronous)

        def must_meet(step: int) -> bool:
            return should_stop() or any(each.is_due(step) for each in together)

        step = first_step
        while step < self._num_steps and not self._held.world.any(should_stop()):
            step = self._copies.leg(step, train_block, tell, must_meet)
            for each in together:
                each.at(step)
        return step
