"""Files of sources: which there are, and their bytes as text. What a file means is none of this module's business."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.errors import UserError

CONVERT_HINT = "Convert the file to UTF-8, for example with: iconv -f GB18030 -t UTF-8 OLD > NEW"


class BadFileError(UserError):
    """A file that cannot be read as what its suffix says it is.

    Args:
        name: What messages call the file.
        reason: What is wrong; files with the same reason can be counted together.
        hint: What to do about it.
        place: Where in the file, for example "line 3".
    """

    def __init__(self, name: str, reason: str, hint: str, place: str = "") -> None:
        super().__init__(f"{name}{', ' if place else ''}{place}: {reason}.", hint)
        self.name = name
        self.reason = reason
        self.place = place

    def __reduce__(self) -> tuple[type[BadFileError], tuple[str, ...]]:
        return type(self), (self.name, self.reason, self.hint, self.place)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source."""

    path: Path
    uri: str
    """What messages and artifacts call it."""
    relative: str | None
    """Its path below the directory that the source names, with slashes; None if the source names the file itself."""

    @property
    def suffix(self) -> str:
        """The suffix that says what the file holds, in lower case; .gz does not count."""
        path = self.path.with_suffix("") if self.path.suffix.lower() == ".gz" else self.path
        return path.suffix.lower()


def list_files(source: Source) -> list[SourceFile]:
    """The file that a source names, or all files below the directory it names, in order of their names.

    Raises:
        UserError: there is no such file or directory.
    """
    path, uri = source.path, source.record.uri
    if path.is_file():
        return [SourceFile(path, uri, None)]
    if not path.is_dir():
        raise UserError(f"{path} is neither a file nor a directory.", "Check the path under 'from'.")
    found = []
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        relative = file.relative_to(path).as_posix()
        found.append(SourceFile(file, f"{uri.rstrip('/')}/{relative}", relative))
    return found


def readable_files(sources: Sequence[Source], suffixes: Sequence[str]) -> Iterator[SourceFile]:
    """All files of all sources; of a directory, those with one of these suffixes.

    Raises:
        UserError: there is no such file or directory, or no such file in a directory.
    """
    for source in sources:
        files = [file for file in list_files(source) if file.relative is None or file.suffix in suffixes]
        if not files:
            raise UserError(
                f"The directory {source.path} holds no file that could be read as rows.",
                f"Known are: {', '.join(suffixes)}.",
            )
        yield from files


def read_bytes(file: SourceFile) -> bytes:
    """What the file holds, unpacked if it is a .gz.

    Raises:
        BadFileError: it is no whole gzip file, or may not be read.
    """
    try:
        data = file.path.read_bytes()
        return gzip.decompress(data) if file.path.suffix.lower() == ".gz" else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadFileError(file.uri, f"this is not a whole gzip file ({error})", "Fetch or make it again.") from error
    except OSError as error:
        raise BadFileError(file.uri, f"it cannot be read ({error.strerror})", "Check its permissions.") from error


def read_text(file: SourceFile) -> str:
    """What the file holds as text.

    Raises:
        BadFileError: it is no text in UTF-8.
    """
    text = decode(read_bytes(file), file.uri)
    if "\0" in text:
        raise BadFileError(file.uri, "it holds bytes of zero, so it is no text", CONVERT_HINT)
    return text


def decode(data: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark.

    Raises:
        BadFileError: it is not.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadFileError(
            name, "it is written in UTF-16", "Convert it, for example with: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{data[error.start]:02x} is not valid UTF-8"
        raise BadFileError(name, reason, CONVERT_HINT, f"line {line}") from error
