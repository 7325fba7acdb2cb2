"""Losses and gradients that several ranks find together: each its part, and then the sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from danlu.training.batches import Batch, MicroBatch, MicroBatches
from danlu.training.held import Held
from danlu.training.parallel.shares import Share, filled_to, part_of, without_loss
from danlu.training.passes import Passes
from danlu.training.world import World

Result = TypeVar("Result")

VALIDATED_AT_ONCE = 16
"""Micro-batches of a rank, made when they are looked at."""


class OwnPasses(Protocol):
    """What one rank does with what is its own."""

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float: ...

    def sum_loss(self, micro_batches: Sequence[MicroBatch]) -> tuple[float, int]: ...


class JointPasses:
    """As `danlu.training.passes.Passes`, made by all ranks.

    Args:
        own: This rank's.
        held: The trained tensors of this rank.
        world: All ranks.
    """

    def __init__(self, own: OwnPasses, held: Held, world: World) -> None:
        self.own = own
        self.rank_seconds: list[float] = []
        """What each rank computed in the last step, without waiting for others: by the clock where passes wait for
        nobody, else as the processor counts it."""
        self._held = held
        self._world = world
        sizes, places = world.settings.sizes, world.places
        # Ranks that divide a layer's weights all know the whole loss.
        self._counts = places["tensor"] == 0 and places["pipeline"] == sizes["pipeline"] - 1

    @property
    def whole_model(self) -> Any | None:
        """That this rank's passes run over, if it has all of it and waits for nobody within a pass."""
        return self.own.whole_model if isinstance(self.own, Passes) and not self._world.talks_within_passes else None

    def alongside(self, work: Callable[[], Result]) -> Result:
        """Have something computed between two steps as a micro-batch is."""
        return self.own.alongside(work) if isinstance(self.own, Passes) else work()

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float:
        """Set the gradients of this rank's tensors to the whole batch's; returns the mean loss over all targets."""
        mine = self._mine(self._share(batch.micro_batches))
        clock = time.process_time if self._world.talks_within_passes else time.perf_counter
        began = clock()
        loss = self.own.accumulate_gradients(replace(batch, micro_batches=mine), scale)
        own_seconds = [0.0] * self._world.size
        own_seconds[self._world.rank] = clock() - began
        self._held.sum_gradients()
        total, *self.rank_seconds = self._world.sum_numbers([loss if self._counts else 0.0, *own_seconds])
        return total

    def mean_loss(self, micro_batches: MicroBatches) -> float:
        """Mean loss over all targets of some micro-batches, nats per token, without dropout and label smoothing."""
        share = self._share(micro_batches)
        sums = [0.0, 0.0]
        for first in range(0, len(share), VALIDATED_AT_ONCE):
            there = range(first, min(first + VALIDATED_AT_ONCE, len(share)))
            loss, num_targets = self.own.sum_loss(self._mine([share[number] for number in there]))
            if self._counts:
                sums = [sums[0] + loss, sums[1] + num_targets]
        loss, total = self._world.sum_numbers(sums)
        return loss / total

    def _share(self, micro_batches: MicroBatches) -> Share:
        world = self._world
        return Share(micro_batches, world.share, world.num_shares, in_step=world.talks_within_passes)

    def _mine(self, share: Sequence[MicroBatch]) -> list[MicroBatch]:
        """This rank's tokens of its share; in a pipeline, of one length and a multiple of its ranks."""
        sizes = self._world.settings.sizes
        found = list(share)
        if sizes["pipeline"] > 1:
            length = max(micro.input_ids.shape[1] for micro in found)
            found = [filled_to(micro, length) for micro in found]
            found += [without_loss(found[0])] * (-len(found) % sizes["pipeline"])
        return [part_of(micro, self._world.group("context"), sizes["tensor"]) for micro in found]
