"""A copy of the training state, taken in memory between two steps and written out while training goes on.

The memory holds a safetensors file as it will be on the disk (the length of the header, the header in JSON, the bytes
of the tensors), so what remains to be done is to hash and write bytes, which holds no interpreter lock;
``safetensors.torch.save_file`` would make a second copy under it. The memory is used again from one checkpoint to the
next, since touching fresh memory takes longer than copying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

SHARDING = "DCP_SHARDING_INFO"
"""Under this name torch.distributed.checkpoint's readers of safetensors look in a file's header for where each tensor
begins in the whole, which may lie in several files."""

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""How safetensors calls them."""

ALIGNMENT_BYTES = 8
"""Readers map the file into memory, and want numbers where the processor can take them."""


class Snapshot:
    """The safetensors files of one moment, by name."""

    def __init__(self) -> None:
        self._images: dict[str, FileImage] = {}

    def take(
        self, parts: Mapping[str, Mapping[str, torch.Tensor]], offsets: Mapping[str, tuple[int, ...]] | None = None
    ) -> dict[str, memoryview]:
        """Copy `parts`; returns the bytes of their files, which the next call overwrites.

        Args:
            parts: Tensors by name, by the name of their file.
            offsets: Where a tensor begins in the whole, by its name; at its beginning if not given.
        """
        for name, tensors in parts.items():
            image = self._images.get(name)
            if image is None or not image.fits(tensors):
                self._images.pop(name, None)  # given back before more is asked for
                self._images[name] = image = FileImage(tensors, offsets)
            image.fill(tensors)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return {name: self._images[name].content for name in parts}


class FileImage:
    """A safetensors file in memory, for tensors of these names, shapes and dtypes."""

    def __init__(
        self, tensors: Mapping[str, torch.Tensor], offsets: Mapping[str, tuple[int, ...]] | None = None
    ) -> None:
        self._layout = _layout(tensors)
        offsets = offsets or {}
        sharding = {
            name: {"saved_offsets": list(offsets.get(name, [0] * tensor.ndim))} for name, tensor in tensors.items()
        }
        # The widest numbers first, so that each lies at a multiple of its size.
        names = sorted(tensors, key=lambda name: -tensors[name].element_size())
        places: dict[str, tuple[int, int]] = {}
        end = 0
        for name in names:
            begin, end = end, end + tensors[name].nbytes
            places[name] = begin, end
        header = json.dumps(
            {"__metadata__": {SHARDING: json.dumps(sharding)}}
            | {
                name: {
                    "dtype": DTYPES[tensors[name].dtype],
                    "shape": list(tensors[name].shape),
                    "data_offsets": places[name],
                }
                for name in names
            }
        ).encode()
        header += b" " * (-len(header) % ALIGNMENT_BYTES)
        start = ALIGNMENT_BYTES + len(header)
        self._bytes = torch.empty(start + end, dtype=torch.uint8, pin_memory=torch.cuda.is_available())
        self.content[:start] = len(header).to_bytes(ALIGNMENT_BYTES, "little") + header
        self._tensors = {
            name: self._bytes[start + begin : start + end].view(tensors[name].dtype).view(tensors[name].shape)
            for name, (begin, end) in places.items()
        }

    @property
    def content(self) -> memoryview:
        """The bytes of the file."""
        return self._bytes.numpy().data

    def fits(self, tensors: Mapping[str, torch.Tensor]) -> bool:
        """Whether these tensors make a file of the same layout."""
        return _layout(tensors) == self._layout

    @torch.no_grad()
    def fill(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Copy the tensors to their places, from a GPU without waiting for it.

        In the processor's memory NumPy copies, on the calling thread alone: torch would split each tensor over its
        threads and wait at a barrier for the slower one, which on two busy cores took seven times as long.
        """
        for name, place in self._tensors.items():
            tensor = tensors[name]
            if tensor.is_cpu and tensor.is_contiguous():
                np.copyto(_bytes_of(place), _bytes_of(tensor.detach()))
            else:
                place.copy_(tensor, non_blocking=True)


def _bytes_of(tensor: torch.Tensor) -> npt.NDArray[np.uint8]:
    """A view of a contiguous tensor, shape (bytes,)."""
    return tensor.reshape(-1).view(torch.uint8).numpy()


def _layout(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.dtype, torch.Size]]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
