"""``file:PATH`` or a bare path: used where it lies, never copied."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.stage import Source
from danlu.errors import UserError, did_you_mean
from danlu.sources.address import Address
from danlu.sources.errors import SourceUnavailableError
from danlu.sources.tree import hash_path

FORM = "file:PATH"


def parse(uri: str) -> Address:
    """Take a ``file:`` URI or a bare path apart. ``#`` and ``%`` are ordinary characters, save in ``file:///...``.

    Raises:
        UserError: there is no path in it, or ``file://`` is followed by a host.
    """
    path = uri[5:] if uri[:5].lower() == "file:" else uri
    if path.startswith("//") and path is not uri:
        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost"):
            raise UserError(
                f"{uri!r} names a file on the host {parts.netloc!r}.", f"A relative path is written file:{path[2:]}."
            )
        path = unquote(parts.path)
    if not path.strip() or "\0" in path:
        raise UserError(f"{uri!r} does not name a file.", f"Write {FORM}.")
    return Address(uri, "file", path)


def read(address: Address, base: Path | None) -> Source:
    """The file or directory, hashed.

    Args:
        address: What `parse` returned.
        base: Directory that a relative path starts from; the working directory if None.

    Raises:
        SourceUnavailableError: there is none.
        UserError: it cannot be read, is an empty directory, or is neither file nor directory.
    """
    try:
        path = (base or Path.cwd()) / Path(address.name).expanduser()
    except RuntimeError as error:
        raise UserError(f"{address.name!r} starts in the home of an unknown user.", "Write the whole path.") from error
    try:
        path = path.absolute()
        if not path.exists():
            raise SourceUnavailableError(f"There is no file or directory {path}.", _neighbours(path))
        if not path.is_file() and not path.is_dir():
            raise UserError(f"{path} is neither a file nor a directory.", "Name a regular file or a directory.")
        if path.is_dir() and not any(path.iterdir()):
            raise UserError(f"The directory {path} is empty.", "Put the files there, or name another directory.")
        sha256, num_bytes = hash_path(path)
    except OSError as error:
        raise UserError(
            f"{error.filename or path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    return Source(path, SourceRecord(uri=address.uri, sha256=sha256, num_bytes=num_bytes))


def _neighbours(path: Path) -> str:
    """A hint from the nearest directory above that exists."""
    wanted = path
    while not wanted.parent.is_dir():
        wanted = wanted.parent
    names = sorted(entry.name for entry in wanted.parent.iterdir() if not entry.name.startswith("."))
    if wanted != path:
        return f"There is no directory {wanted}. " + (did_you_mean(wanted.name, names) if names else "")
    if not names:
        return f"{path.parent} is empty."
    return did_you_mean(path.name, names) if len(names) <= 20 else did_you_mean(path.name, names[:20])
