"""A GGUF file opened for reading: metadata by key, tensors by name, with clear errors for broken files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError

if TYPE_CHECKING:
    from gguf import GGUFReader, ReaderTensor

MAGIC = b"GGUF"
CHUNK_VALUES = 1 << 22
"""Values that are dequantised at a time, so that intermediate arrays stay small (16 MiB in float32)."""


class GgufFile:
    """Metadata and tensors of one GGUF file. Weights stay on disk until they are asked for.

    Raises:
        UserError: the file is not GGUF, is cut short, or is one part of several.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = _open(path)
        self._tensors: dict[str, ReaderTensor] = {tensor.name: tensor for tensor in self._reader.tensors}
        if (parts := self.get("split.count", 1)) > 1:
            raise UserError(
                f"{path.name} is one of {parts} parts of a model.",
                "Join the parts with llama.cpp's gguf-split --merge, or take a file that is whole.",
            )

    def get(self, key: str, default: Any = None) -> Any:
        """Value of a metadata key (str, number, bool, or a list of these), or `default`."""
        field = self._reader.get_field(key)
        return default if field is None else field.contents()

    def require(self, key: str) -> Any:
        """Value of a metadata key.

        Raises:
            UserError: the file does not have it.
        """
        value = self.get(key)
        if value is None:
            raise UserError(
                f"{self.path.name} lacks the metadata {key!r}.",
                "Take a GGUF file that was made by llama.cpp's converter or by `do: export`.",
            )
        return value

    @property
    def architecture(self) -> str:
        """``general.architecture``."""
        return str(self.require("general.architecture"))

    @property
    def tensor_names(self) -> set[str]:
        return set(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape in PyTorch's order (GGUF stores it reversed)."""
        return tuple(int(size) for size in reversed(self._tensors[name].shape))

    def quantization(self, name: str) -> str:
        """Name of a tensor's type, for example ``Q4_1``."""
        return str(self._tensors[name].tensor_type.name)

    def tensor(self, name: str) -> npt.NDArray[np.float32]:
        """A tensor's values in float32, in PyTorch's order of axes.

        Raises:
            UserError: its quantisation cannot be undone by the gguf library.
        """
        from gguf import quants

        tensor = self._tensors[name]
        shape = self.shape(name)
        stored_RB = tensor.data.reshape(-1, tensor.data.shape[-1])
        values_RC = np.empty((len(stored_RB), shape[-1]), np.float32)
        rows = max(1, CHUNK_VALUES // shape[-1])
        try:
            for start in range(0, len(stored_RB), rows):
                part = slice(start, start + rows)
                values_RC[part] = quants.dequantize(stored_RB[part], tensor.tensor_type)
        except NotImplementedError:
            raise UserError(
                f"{self.path.name} has {name} quantised as {self.quantization(name)}, which cannot be read.",
                "Take a file of another type, for example Q8_0 or F16.",
            ) from None
        return values_RC.reshape(shape)


def is_gguf(path: Path) -> bool:
    """Whether the file begins as GGUF files do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _open(path: Path) -> GGUFReader:
    from gguf import GGUFReader

    if not is_gguf(path):
        raise UserError(f"{path.name} is not a GGUF file.", "Check the download; a GGUF file begins with 'GGUF'.")
    try:
        return GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as error:
        # The reader indexes into the mapped file and reports truncation as whatever numpy says about it.
        raise UserError(
            f"{path.name} is damaged or cut short ({path.stat().st_size:,} bytes).", "Download the file again."
        ) from error
