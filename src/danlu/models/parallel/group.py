"""Processes that work together on one thing, and what they tell each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from danlu.models.parallel.shared_sums import SharedSums

LARGE_BYTES = 2**18
"""Tensors from here on are not copied together before they are sent."""
BUCKET_BYTES = 2**24
"""Of smaller ones that are sent in one call."""


@dataclass
class Talk:
    """What this process last said to others, so that it can be told where it hangs."""

    number: int = 0
    """Of calls begun."""
    what: str = ""
    is_waiting: bool = False
    """Whether the call has not come back."""

    @contextmanager
    def begun(self, what: str, num_numbers: int, size: int) -> Iterator[None]:
        """A call among so many ranks."""
        self.number += 1
        self.what = f"{what} of {num_numbers:,} numbers among {size} ranks"
        self.is_waiting = True
        yield
        self.is_waiting = False  # not after an error: then it is where it stopped


TALK = Talk()
"""Of this process."""


class Group:
    """Some ranks, the calling one among them. Every one of them has to make the same calls in the same order.

    Args:
        process_group: Torch's; None for the calling process alone, for whom every call is a no-op.
    """

    def __init__(self, process_group: dist.ProcessGroup | None = None) -> None:
        self.process_group = process_group
        self.size = process_group.size() if process_group else 1
        self.rank = process_group.rank() if process_group else 0
        """Of the calling process in this group."""
        self._shared: SharedSums | None = None
        self._has_asked = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Group:
        """A copied model talks to the same processes."""
        return self

    def sum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add up in place; the same bits on every rank."""
        if self.size > 1:
            with TALK.begun("all-reduce", tensor.numel(), self.size):
                dist.all_reduce(tensor, group=self.process_group)
        return tensor

    def sum_many_(self, tensors: Sequence[torch.Tensor]) -> None:
        """Add up in place: through memory that ranks share, or else large ones each by itself and small ones together,
        all under way at once."""
        if self.size == 1 or not tensors:
            return
        through_memory = [tensor for tensor in tensors if _can_be_shared(tensor)]
        if through_memory and (shared := self._shared_sums()):
            with TALK.begun("sum in shared memory", sum(tensor.numel() for tensor in through_memory), self.size):
                shared.sum_(through_memory)
            tensors = [tensor for tensor in tensors if not _can_be_shared(tensor)]
        self._sum_by_messages_(tensors)

    def _shared_sums(self) -> SharedSums | None:
        """Asked for by all ranks alike."""
        if not self._has_asked:
            assert self.process_group is not None
            self._shared, self._has_asked = SharedSums.of(self.process_group), True
        return self._shared

    def _sum_by_messages_(self, tensors: Sequence[torch.Tensor]) -> None:
        if not tensors:
            return
        large = [tensor for tensor in tensors if _goes_alone(tensor)]
        buckets = _buckets([tensor for tensor in tensors if not _goes_alone(tensor)])
        flat = [torch.cat([tensor.reshape(-1) for tensor in bucket]) for bucket in buckets]
        with TALK.begun("all-reduce", sum(tensor.numel() for tensor in tensors), self.size):
            works = [dist.all_reduce(each, group=self.process_group, async_op=True) for each in (*large, *flat)]
            for work in works:
                work.wait()
        for bucket, row in zip(buckets, flat, strict=True):
            parts = row.split([tensor.numel() for tensor in bucket])
            torch._foreach_copy_(bucket, [part.view_as(each) for part, each in zip(parts, bucket, strict=True)])

    def maximum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """Element by element, in place."""
        if self.size > 1:
            with TALK.begun("all-reduce (maximum)", tensor.numel(), self.size):
                dist.all_reduce(tensor, op=dist.ReduceOp.MAX, group=self.process_group)
        return tensor

    def gathered(self, part: torch.Tensor) -> torch.Tensor:
        """The parts of all ranks, equal in shape, one after another along the first dimension."""
        if self.size == 1:
            return part
        whole = part.new_empty(self.size * part.shape[0], *part.shape[1:])
        with TALK.begun("all-gather", whole.numel(), self.size):
            dist.all_gather_into_tensor(whole, part.contiguous(), group=self.process_group)
        return whole

    def scattered_sum(self, whole: torch.Tensor) -> torch.Tensor:
        """The sum over ranks, of which each gets its part along the first dimension, which they divide."""
        if self.size == 1:
            return whole
        part = whole.new_empty(whole.shape[0] // self.size, *whole.shape[1:])
        with TALK.begun("reduce-scatter", whole.numel(), self.size):
            dist.reduce_scatter_tensor(part, whole.contiguous(), group=self.process_group)
        return part

    def exchanged(self, parts: torch.Tensor, sent: list[int], received: list[int]) -> torch.Tensor:
        """Each rank sends a part to each.

        Args:
            parts: One after another along the first dimension.
            sent: How much of that dimension goes to each rank.
            received: How much comes from each.
        """
        if self.size == 1:
            return parts
        found = parts.new_empty(sum(received), *parts.shape[1:])
        with TALK.begun("all-to-all", parts.numel(), self.size):
            dist.all_to_all_single(found, parts.contiguous(), received, sent, group=self.process_group)
        return found


def _can_be_shared(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()


def _goes_alone(tensor: torch.Tensor) -> bool:
    return tensor.nbytes >= LARGE_BYTES and tensor.is_contiguous()


def _buckets(tensors: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Tensors that are added up in one call each."""
    found: list[list[torch.Tensor]] = []
    room = 0
    for tensor in sorted(tensors, key=lambda tensor: str(tensor.dtype)):
        if not found or tensor.nbytes > room or tensor.dtype != found[-1][0].dtype:
            found.append([])
            room = BUCKET_BYTES
        found[-1].append(tensor)
        room -= tensor.nbytes
    return found


ALONE = Group()
"""The calling process."""
