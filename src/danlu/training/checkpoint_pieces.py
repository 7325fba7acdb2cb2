"""Reading a checkpoint of any number of ranks: what one wants of a tensor, put together from the files that have it.

The files are safetensors; in the header of each stands where its tensors begin in the whole, as
torch.distributed.checkpoint writes and reads it.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from danlu.training.snapshot import SHARDING


@dataclass(frozen=True)
class Box:
    """A part of a tensor."""

    offsets: tuple[int, ...]
    shape: tuple[int, ...]

    def meet(self, other: Box) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
        """Where both are the same, in this box and in the other; None if nowhere."""
        here, there = [], []
        for start, size, other_start, other_size in zip(
            self.offsets, self.shape, other.offsets, other.shape, strict=True
        ):
            first, last = max(start, other_start), min(start + size, other_start + other_size)
            if first >= last:
                return None
            here.append(slice(first - start, last - start))
            there.append(slice(first - other_start, last - other_start))
        return tuple(here), tuple(there)


class Pieces:
    """The tensors of a directory of safetensors files, each of which may lie in several.

    Args:
        directory: Where they are.
        only: Leave out what other ranks' optimizers have.
    """

    def __init__(self, directory: Path, only: int | None = None) -> None:
        self._found: dict[str, list[tuple[Path, Box]]] = defaultdict(list)
        for path in sorted(directory.glob("*.safetensors")):
            if only is not None and path.name.startswith("optimizer-") and path.stem != f"optimizer-{only}":
                continue
            with safe_open(path, framework="pt") as file:
                sharding = json.loads((file.metadata() or {}).get(SHARDING, "{}"))
                for name in file.keys():  # noqa: SIM118  (no dict)
                    shape = tuple(file.get_slice(name).get_shape())
                    offsets = sharding.get(name, {}).get("saved_offsets", [0] * len(shape))
                    self._found[name].append((path, Box(tuple(offsets), shape)))

    def names(self, prefix: str = "") -> Iterator[str]:
        """Of all tensors whose names begin so."""
        return (name for name in self._found if name.startswith(prefix))

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the whole tensor."""
        boxes = [box for _, box in self._found[name]]
        return tuple(max(box.offsets[axis] + box.shape[axis] for box in boxes) for axis in range(len(boxes[0].shape)))

    def read(self, name: str, wanted: Box | None = None) -> torch.Tensor:
        """A part of a tensor; all of it if not given.

        Raises:
            KeyError: no file has it, or not all of it.
        """
        wanted = wanted or Box((0,) * len(self.shape(name)), self.shape(name))
        result: torch.Tensor | None = None
        missing = math.prod(wanted.shape)
        for path, box in self._found[name]:
            met = wanted.meet(box)
            if met is None:
                continue
            here, there = met
            with safe_open(path, framework="pt") as file:
                part = file.get_slice(name)[there] if there else file.get_tensor(name)
            if result is None:
                result = torch.empty(wanted.shape, dtype=part.dtype)
            result[here] = part
            missing -= part.numel()
        if missing > 0:
            raise KeyError(f"{name}: {missing} numbers of {math.prod(wanted.shape)} are in no file")
        return torch.empty(wanted.shape) if result is None else result


def all_finite(path: Path) -> bool:
    """Whether no weight and no state of the optimizer in a checkpoint is infinite or no number."""
    for file in (*path.glob("weights-*.safetensors"), *path.glob("optimizer-*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            if not all(bool(tensors.get_tensor(name).isfinite().all()) for name in tensors.keys()):  # noqa: SIM118
                return False
    return True
