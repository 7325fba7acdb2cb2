"""One hash for a whole directory: the SHA-256 of its sorted list of file hashes and names.

The list has one line a file, ``<sha256 in hex>  <relative path with slashes>``, sorted by the bytes of the path. The
same number comes from ``find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum``.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from danlu.artifacts.store import hash_file
from danlu.errors import UserError


def list_files(directory: Path) -> list[Path]:
    """Every file under `directory`, links followed, sorted by the bytes of its relative path.

    Raises:
        UserError: a link leads back to a directory above it, or to nothing.
    """
    files = []
    for parent, directories, names in os.walk(directory, followlinks=True, onerror=_raise):
        here = Path(parent)
        for name in directories:
            link = here / name
            if link.is_symlink() and here.resolve().is_relative_to(link.resolve()):
                raise UserError(f"The link {link} leads back to a directory above it.", "Remove the link.")
        files += [here / name for name in names]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is not a regular file.", "Remove it; links must lead to files that exist.")
    return sorted(files, key=lambda file: os.fsencode(file.relative_to(directory).as_posix()))


def hash_tree(directory: Path) -> tuple[str, int]:
    """SHA-256 (hex) of a directory as described above, and the sum of its file sizes in bytes.

    Raises:
        UserError: see `list_files`.
    """
    digest = hashlib.sha256()
    num_bytes = 0
    for file in list_files(directory):
        name = os.fsencode(file.relative_to(directory).as_posix())
        digest.update(hash_file(file).encode() + b"  " + name + b"\n")
        num_bytes += file.stat().st_size
    return digest.hexdigest(), num_bytes


def hash_path(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of a file, or of a directory as `hash_tree` has them."""
    if path.is_dir():
        return hash_tree(path)
    return hash_file(path), path.stat().st_size


def _raise(error: OSError) -> None:
    raise error
