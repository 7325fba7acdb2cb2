"""The processes of one training, where the calling one stands among them, and what all of them agree on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.distributed as dist

from danlu.hardware.machine import default_device
from danlu.models.parallel.group import ALONE, Group
from danlu.training.parallel.settings import BATCH_DIMENSIONS, DIMENSIONS, ParallelSettings

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh


class World:
    """All ranks. With a single one every call is a no-op.

    Args:
        settings: How they are laid out; if it needs ranks, torch.distributed must have been initialised with as many.
    """

    def __init__(self, settings: ParallelSettings | None = None) -> None:
        settings = settings or ParallelSettings()
        self.settings = settings
        self.size = settings.num_processes
        sizes = settings.sizes
        self.mesh: DeviceMesh | None = None
        """One dimension for each of `DIMENSIONS`; None if the calling process trains by itself."""
        self.rank = 0
        places = dict.fromkeys(DIMENSIONS, 0)
        if settings.needs_ranks:
            from torch.distributed.device_mesh import init_device_mesh

            self.mesh = init_device_mesh(default_device(), tuple(sizes.values()), mesh_dim_names=DIMENSIONS)
            self.rank = dist.get_rank()
            coordinate = self.mesh.get_coordinate()
            assert coordinate is not None
            places = dict(zip(DIMENSIONS, coordinate, strict=True))
        self.places = places
        """Of this rank along each dimension."""
        self._groups: dict[tuple[str, ...], Group] = {}

    @property
    def is_first(self) -> bool:
        """Whether this rank is the one that writes what is written once."""
        return self.rank == 0

    @property
    def talks_within_passes(self) -> bool:
        """Whether a forward pass waits for other ranks, so that all have to make the same passes in the same order."""
        return any(self.settings.sizes[name] > 1 for name in DIMENSIONS if name != "data")

    def group(self, *dimensions: str) -> Group:
        """The ranks that differ from this one along these dimensions only. To be asked for by all ranks alike."""
        wanted = tuple(name for name in DIMENSIONS if name in dimensions and self.settings.sizes[name] > 1)
        if not wanted:
            return ALONE
        if wanted not in self._groups:
            assert self.mesh is not None
            if len(wanted) == 1:
                self._groups[wanted] = Group(self.mesh.get_group(wanted[0]))
            else:
                self._groups[wanted] = Group(self._new_group(wanted))
        return self._groups[wanted]

    def _new_group(self, dimensions: tuple[str, ...]) -> dist.ProcessGroup:
        assert self.mesh is not None
        ranks = np.asarray(self.mesh.mesh.cpu())
        axes = [DIMENSIONS.index(name) for name in dimensions]
        together = np.moveaxis(ranks, axes, range(-len(axes), 0)).reshape(-1, math.prod(ranks.shape[a] for a in axes))
        group: dist.ProcessGroup
        group, _ = dist.new_subgroups_by_enumeration(together.tolist())
        return group

    @property
    def everyone(self) -> Group:
        return self.group(*DIMENSIONS)

    @property
    def num_shares(self) -> int:
        """Into which the rows of a step are divided."""
        return math.prod(self.settings.sizes[name] for name in BATCH_DIMENSIONS)

    @property
    def share(self) -> int:
        """Which of them is this rank's."""
        return self.group(*BATCH_DIMENSIONS).rank

    def sum_numbers(self, numbers: Sequence[float]) -> list[float]:
        """Added up over all ranks, in float64."""
        if self.size == 1:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=default_device())
        return [float(number) for number in self.everyone.sum_(total)]

    def any(self, flag: bool) -> bool:
        """Whether it is so on any rank."""
        return (self.size > 1 and self.sum_numbers([float(flag)])[0] > 0) or flag

    def of_first(self, number: float) -> float:
        """What the first rank says."""
        return self.sum_numbers([number if self.is_first else 0.0])[0]
