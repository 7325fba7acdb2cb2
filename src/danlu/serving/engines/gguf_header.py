"""The few facts of a GGUF file that must be known before llama.cpp loads it.

The `gguf` package reads every token and merge into Python objects, seconds for a large vocabulary; here arrays are
skipped. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from danlu.errors import UserError

MAGIC = b"GGUF"
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
MAX_STRING_BYTES = 64 * 2**20


def read_header(path: Path) -> dict[str, Any]:
    """Scalars and texts of the file's metadata; of an array, its length.

    Raises:
        UserError: the file is not a whole GGUF header of version 2 or 3.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise ValueError("it does not begin with GGUF")
            version, _, num_entries = struct.unpack("<IQQ", _exactly(file, 20))
            if version not in (2, 3):
                raise ValueError(f"its version is {version}")
            return dict(_entry(file) for _ in range(num_entries))
    except (ValueError, KeyError, UnicodeDecodeError, struct.error) as error:
        raise UserError(
            f"{path} is not a readable GGUF file: {error}.", "Export or download it again; check its size."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _entry(file: BinaryIO) -> tuple[str, Any]:
    key = _string(file).decode()
    (kind,) = struct.unpack("<I", _exactly(file, 4))
    return key, _value(file, kind)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _string(file).decode("utf-8", "replace")
    if kind == ARRAY:
        element, length = struct.unpack("<IQ", _exactly(file, 12))
        _skip(file, element, length)
        return length
    return struct.unpack(SCALARS[kind], _exactly(file, struct.calcsize(SCALARS[kind])))[0]


def _skip(file: BinaryIO, kind: int, length: int) -> None:
    if kind in SCALARS:
        file.seek(struct.calcsize(SCALARS[kind]) * length, 1)
        return
    for _ in range(length):
        _value(file, kind)


def _string(file: BinaryIO) -> bytes:
    (size,) = struct.unpack("<Q", _exactly(file, 8))
    if size > MAX_STRING_BYTES:
        raise ValueError(f"a text of {size} bytes in its header")
    return _exactly(file, size)


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it ends within its header")
    return data
