"""Sources put together until a person can look at them: files, then files that differ in a number, then folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MOST_GROUPS = 24


def grouped(sources: Sequence[str]) -> dict[str, str]:
    """Of each URI the name of its group; as many groups as a person can look at, or one for all."""
    distinct = list(dict.fromkeys(sources))
    for names in _ways(distinct):
        if len(set(names)) <= MOST_GROUPS:
            return dict(zip(distinct, names, strict=True))
    return dict.fromkeys(distinct, "all files")


def _ways(sources: list[str]) -> Iterator[list[str]]:
    """Ever fewer groups."""
    yield sources
    patterns = [_with_stars(source) for source in sources]
    yield patterns
    folders = [re.split("(?<=[/#])", source)[:-1] for source in sources]
    for depth in range(max(map(len, folders), default=0), 0, -1):
        yield ["".join(folder[:depth]) + ("…" if len(folder) > depth else "") for folder in folders]


def _with_stars(source: str) -> str:
    """Numbers in the name of the file as a star."""
    folder, slash, name = source.rpartition("/")
    return folder + slash + re.sub(r"\d+", "*", name)


def common_folder(names: Sequence[str]) -> str:
    """What all names begin with, up to a slash or #; nothing for a single name."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: max(first.rfind("/", 0, length), first.rfind("#", 0, length)) + 1]
