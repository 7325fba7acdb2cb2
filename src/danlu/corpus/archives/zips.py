"""Zip archives: which files they hold, and how one of them is unpacked. Of one that is cut off, what is there."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from danlu.corpus.archives.entry import MAX_MEMBERS, ArchiveError, Entry, decoded, unsafe
from danlu.corpus.archives.stretch import Careful
from danlu.corpus.files import Member, Zipped
from danlu.corpus.packing import BUFFER_BYTES

MOST_LIST_BYTES = 2**27
"""Of the list of files at the end of an archive, some hundred bytes for each."""
HEADER = struct.Struct("<4s5H3L2H")
"""Of a member: mark, version, flags, method, time, date, CRC, packed and unpacked bytes, lengths of name and rest."""
MARK = b"PK\x03\x04"
ENCRYPTED, SIZES_FOLLOW, IS_UTF8 = 0x1, 0x8, 0x800
IN_THE_REST = 0xFFFFFFFF
"""Stands for a size that is too large for its field."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def list_zip(path: Path) -> Iterator[Entry]:
    """The files in an archive, in the order of its list.

    Raises:
        ArchiveError: there are no more, though there should be.
    """
    with path.open("rb", BUFFER_BYTES) as file:
        try:
            with zipfile.ZipFile(cast(Any, Careful(file, MOST_LIST_BYTES))) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            yield from _without_list(file, str(error))
            return
    if len(infos) > MAX_MEMBERS:
        raise ArchiveError(f"it holds more than {MAX_MEMBERS:,} files")
    overlapping = _overlapping(infos)
    for info in infos:
        if not info.is_dir():
            yield _entry(info, info.header_offset in overlapping)


def _entry(info: zipfile.ZipInfo, overlaps: bool) -> Entry:
    # zipfile takes names that are not marked as UTF-8 for code page 437, which loses nothing.
    raw = info.orig_filename
    name = raw if info.flag_bits & IS_UTF8 else decoded(raw.encode("cp437"))
    mode = info.external_attr >> 16
    if problem := unsafe(name):
        pass
    elif stat.S_ISLNK(mode):
        problem = "it is a link"
    elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        problem = "it is no regular file"
    elif info.flag_bits & ENCRYPTED:
        problem = "it is encrypted with a password"
    elif info.compress_type not in METHODS:
        problem = f"it is packed in a way that is not known (method {info.compress_type})"
    elif overlaps:
        problem = "it lies in the archive where another file lies, as in a bomb"
    if problem:
        return Entry(name, problem=problem)
    zipped = Zipped(info.compress_type, info.file_size, info.CRC)
    return Entry(name, Member(name, info.header_offset, info.compress_size, zipped))


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """First bytes of members that begin before the one before them ends."""
    found = set()
    last = -1
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < last:
            found.add(info.header_offset)
        last = max(last, info.header_offset + HEADER.size + info.compress_size)
    return found


def _without_list(file: BinaryIO, problem: str) -> Iterator[Entry]:
    """Files of an archive without the list at its end, by the header that each begins with."""
    problem = f"this is not a whole zip archive ({problem.rstrip('.')})"
    place = number = 0
    while True:
        file.seek(place)
        header = file.read(HEADER.size)
        if len(header) < HEADER.size or not header.startswith(MARK) or number >= MAX_MEMBERS:
            raise ArchiveError(problem)
        _, _, flags, method, _, _, crc, packed, size, name_length, rest_length = HEADER.unpack(header)
        raw, rest = file.read(name_length), file.read(rest_length)
        if flags & SIZES_FOLLOW and not packed:
            raise ArchiveError(f"{problem}, and does not say where its files end")
        if IN_THE_REST in (packed, size):
            size, packed = _large_sizes(rest, size, packed)
        info = zipfile.ZipInfo()
        info.orig_filename = raw.decode("utf-8", "replace") if flags & IS_UTF8 else raw.decode("cp437")
        info.filename, info.flag_bits, info.compress_type = info.orig_filename, flags, method
        info.CRC, info.compress_size, info.file_size, info.header_offset = crc, packed, size, place
        if not info.is_dir():
            yield _entry(info, overlaps=False)
        number += 1
        place += HEADER.size + name_length + rest_length + packed


def _large_sizes(rest: bytes, size: int, packed: int) -> tuple[int, int]:
    """Unpacked and packed bytes of a file whose header has no room for them."""
    while len(rest) >= 4:
        kind, length = struct.unpack_from("<2H", rest)
        if kind == 1 and length >= 16 and len(rest) >= 20:
            size, packed = struct.unpack_from("<2Q", rest, 4)
            break
        rest = rest[4 + length :]
    return size, packed


def open_packed(path: Path, member: Member) -> BufferedIOBase:
    """The bytes of a member, unpacked.

    Raises:
        BadZipFile: it does not lie where the list says.
    """
    assert member.zipped is not None
    file = path.open("rb", BUFFER_BYTES)
    try:
        file.seek(member.start)
        header = file.read(HEADER.size)
        if len(header) < HEADER.size or not header.startswith(MARK):
            raise zipfile.BadZipFile("there is no file where the archive's list says")
        file.seek(sum(HEADER.unpack(header)[-2:]), io.SEEK_CUR)
    except BaseException:
        file.close()
        raise
    info = zipfile.ZipInfo(member.name)
    info.compress_type, info.compress_size = member.zipped.method, member.num_bytes
    info.file_size, info.CRC = member.zipped.unpacked_bytes, member.zipped.crc
    return zipfile.ZipExtFile(cast(Any, file), "r", info, close_fileobj=True)
