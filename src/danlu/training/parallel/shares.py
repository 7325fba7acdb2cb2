"""What each rank takes of a step's micro-batches, and of the tokens of one.

The step's micro-batches are made as for one process, so what is trained on cannot depend on the number of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from danlu.models.parallel.group import Group
from danlu.training.batches import MicroBatch, MicroBatches


class Share(Sequence[MicroBatch]):
    """Every so many-th micro-batch.

    Args:
        whole: Of all ranks.
        number: Which share, from 0.
        count: How many shares there are.
        in_step: Whether all shares are to be equally long: then one without loss stands where another share has more.
    """

    def __init__(self, whole: MicroBatches, number: int, count: int, *, in_step: bool) -> None:
        self._whole = whole
        self._places = list(range(number, len(whole), count))
        self._length = -(-len(whole) // count) if in_step else len(self._places)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> MicroBatch:  # type: ignore[override]
        if index >= self._length:
            raise IndexError(index)
        if index < len(self._places):
            return self._whole[self._places[index]]
        return without_loss(self._whole[0])


def without_loss(micro: MicroBatch) -> MicroBatch:
    """The same tokens, of which none is to be predicted."""
    nothing = micro.targets[:0]
    return replace(
        micro,
        num_tokens=0,
        predicting=micro.predicting[:0],
        targets=nothing,
        firsts=None if micro.firsts is None else micro.firsts[:0],
        labels=None if micro.labels is None else micro.labels[:0],
    )


def filled_to(micro: MicroBatch, length: int) -> MicroBatch:
    """With a document of zeros at the end, so that the sequence has `length` tokens."""
    missing = length - micro.input_ids.shape[1]
    if not missing:
        return micro
    pad = torch.nn.functional.pad
    positions = torch.arange(missing, device=micro.position_ids.device)[None]
    return replace(
        micro,
        input_ids=pad(micro.input_ids, (0, missing)),
        position_ids=torch.cat([micro.position_ids, positions], dim=1),
        documents=replace(micro.documents, lengths=(*micro.documents.lengths, missing), row_length=None),
        segments=None if micro.segments is None else pad(micro.segments, (0, missing)),
    )


def part_of(micro: MicroBatch, ranks: Group, multiple: int) -> MicroBatch:
    """This rank's tokens of a sequence that is divided over ranks.

    Args:
        micro: The whole sequence.
        ranks: Each has an equal part, in order.
        multiple: Each part's length is a multiple of this.
    """
    length = micro.input_ids.shape[1]
    unit = ranks.size * multiple
    micro = filled_to(micro, -(-length // unit) * unit)
    if ranks.size == 1:
        return micro
    size = micro.input_ids.shape[1] // ranks.size
    start = ranks.rank * size
    own = slice(start, start + size)

    def here(places: torch.Tensor) -> torch.Tensor:
        return (places >= start) & (places < start + size)

    predicted = here(micro.predicting)
    of_documents = None if micro.firsts is None else here(micro.firsts)
    return replace(
        micro,
        input_ids=micro.input_ids[:, own],
        position_ids=micro.position_ids[:, own],
        documents=replace(micro.documents, ranks=ranks),
        predicting=micro.predicting[predicted] - start,
        targets=micro.targets[predicted],
        segments=None if micro.segments is None else micro.segments[:, own],
        firsts=None if micro.firsts is None or of_documents is None else micro.firsts[of_documents] - start,
        labels=None if micro.labels is None or of_documents is None else micro.labels[of_documents],
    )
