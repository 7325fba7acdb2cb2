"""What a rank holds of the trained parameters: the tensors its optimizer moves, and where they lie in the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from danlu.models.parallel.group import Group
from danlu.models.parallel.tensors import Part
from danlu.training.optimizers.groups import trained_by_name
from danlu.training.parallel.settings import DIMENSIONS
from danlu.training.world import World

DIVIDING = ("shard", "expert", "tensor")
"""Along these dimensions ranks may hold different boxes of a parameter."""


@dataclass(frozen=True)
class Piece:
    """A box of a parameter."""

    shape: tuple[int, ...]
    """Of the whole parameter."""
    offsets: tuple[int, ...]
    """Where the box begins."""
    whole_along: tuple[str, ...]
    """Along these dimensions of the world every rank holds the same box."""
    shared_by_ends: bool = False
    """Whether the first and the last stage of a pipeline both hold it: an embedding that is the head, too."""


@dataclass
class Held:
    """The trained parameters of one rank, by name."""

    world: World
    tensors: dict[str, torch.Tensor]
    """Plain tensors, be the model's own or the boxes that FSDP2 left of them."""
    pieces: dict[str, Piece]
    ends: Group = field(default_factory=Group)
    """The first and the last stage of this rank's pipeline."""

    @property
    def trained(self) -> list[torch.Tensor]:
        return list(self.tensors.values())

    @property
    def alone(self) -> Held:
        """The same of a rank that has all of it and trains by itself."""
        return replace(self, world=World())

    def share_between_ends(self, name: str, ends: Group) -> None:
        """Note that both ends of the pipeline hold a parameter, and have to add up its gradients."""
        self.ends = ends
        if name in self.pieces:
            self.pieces[name] = replace(self.pieces[name], shared_by_ends=True)

    def sum_gradients(self) -> None:
        """Add up what ranks with the same box have found for it."""
        by_group: dict[tuple[str, ...], list[torch.Tensor]] = {}
        tied = []
        for name, tensor in self.tensors.items():
            gradient = tensor.grad
            if gradient is None:
                gradient = tensor.grad = torch.zeros_like(tensor)
            piece = self.pieces[name]
            by_group.setdefault(tuple(d for d in piece.whole_along if d != "pipeline"), []).append(gradient)
            if piece.shared_by_ends:
                tied.append(gradient)
        for dimensions in sorted(by_group):
            self.world.group(*dimensions).sum_many_(by_group[dimensions])
        self.ends.sum_many_(tied)

    def norm(self, gradients: Sequence[torch.Tensor]) -> torch.Tensor:
        """Euclidean, of the whole gradient, on every rank.

        Args:
            gradients: Of `tensors`, in order.
        """
        if self.world.size == 1:
            return torch.nn.utils.get_total_norm(gradients)
        squares = torch.zeros((), dtype=torch.float64)
        for square, piece in zip(self._squares(gradients), self.pieces.values(), strict=True):
            squares += square / self.num_copies(piece)
        self.world.everyone.sum_(squares)
        return squares.sqrt().float()

    def _squares(self, gradients: Sequence[torch.Tensor]) -> Iterable[torch.Tensor]:
        return (norm.double().square().cpu() for norm in torch._foreach_norm(list(gradients)))

    def num_copies(self, piece: Piece) -> int:
        """On how many ranks a box lies."""
        sizes = self.world.settings.sizes
        copies = 2 if piece.shared_by_ends else 1
        for dimension in piece.whole_along:
            copies *= sizes[dimension] if dimension != "pipeline" else 1
        return copies

    @property
    def dividing(self) -> Divided | None:
        """How matrices are divided; None if this rank has all of each."""
        sizes = self.world.settings.sizes
        return Divided(self) if any(sizes[name] > 1 for name in DIVIDING) else None

    def is_writer_of(self, piece: Piece) -> bool:
        """Whether of all ranks with this box it is the calling one that saves it."""
        along = [name for name in piece.whole_along if name != "pipeline"]
        if piece.shared_by_ends and self.world.places["pipeline"] != 0:
            return False
        return all(self.world.places[name] == 0 for name in along)


class Divided:
    """Parameters of which ranks hold boxes, by their tensors."""

    def __init__(self, held: Held) -> None:
        self._world = held.world
        self._pieces = {id(held.tensors[name]): piece for name, piece in held.pieces.items()}

    def shape(self, parameter: torch.Tensor) -> tuple[int, ...]:
        """Of the whole parameter."""
        return self._pieces[id(parameter)].shape

    def box(self, parameter: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """This rank's part of something shaped as the whole parameter."""
        starts = self._pieces[id(parameter)].offsets
        return whole[tuple(slice(at, at + size) for at, size in zip(starts, parameter.shape, strict=True))]

    def whole(self, parameter: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
        """Something shaped as the parameter put together, on every rank. All ranks have to ask alike."""
        piece, sizes = self._pieces[id(parameter)], self._world.settings.sizes
        among = [name for name in DIVIDING if sizes[name] > 1 and name not in piece.whole_along]
        if not among:
            return box
        group = self._world.group(*among)
        own = torch.tensor([*piece.offsets, *box.shape], device=box.device)
        places = group.gathered(own[None]).view(group.size, 2, -1).tolist()
        largest = [max(shape[axis] for _, shape in places) for axis in range(box.ndim)]
        padded = box.new_zeros(largest)
        padded[tuple(slice(size) for size in box.shape)] = box
        whole = box.new_empty(piece.shape)
        for (offsets, shape), part in zip(places, group.gathered(padded[None]), strict=True):
            target = tuple(slice(start, start + size) for start, size in zip(offsets, shape, strict=True))
            whole[target] = part[tuple(slice(size) for size in shape)]
        return whole


def hold(model: Any, world: World | None = None, parts: Mapping[str, Part] | None = None) -> Held:
    """What the calling rank holds of a model.

    Args:
        model: With this rank's parameters only.
        world: All ranks; the calling one alone if not given.
        parts: What is left of some parameters that ranks divide, by name.
    """
    world, parts = world or World(), parts or {}
    tensors: dict[str, torch.Tensor] = {}
    pieces: dict[str, Piece] = {}
    for name, parameter in trained_by_name(model).items():
        local, shape, offsets, whole_along = parameter, list(parameter.shape), [0] * parameter.ndim, set(DIMENSIONS)
        whole_along.discard("pipeline")
        if part := parts.get(name):
            shape[part.dimension] = part.size
            offsets[part.dimension] = part.start
            whole_along.discard(part.along)
        if world.settings.is_sharded:
            local, first = _local(parameter)
            offsets[0] += first
            whole_along.discard("shard")
        tensors[name] = local
        pieces[name] = Piece(
            tuple(shape),
            tuple(offsets),
            tuple(d for d in DIMENSIONS if d in whole_along and world.settings.sizes[d] > 1),
        )
    return Held(world, tensors, pieces)


def _local(parameter: Any) -> tuple[torch.Tensor, int]:
    """The rows of a parameter that FSDP2 left on this rank, as a parameter of their own on the same memory, and the
    number of the first."""
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    with torch.no_grad():
        local = torch.nn.Parameter(parameter.to_local())
    _, offsets = compute_local_shape_and_global_offset(parameter.shape, parameter.device_mesh, parameter.placements)
    return local, int(offsets[0])
