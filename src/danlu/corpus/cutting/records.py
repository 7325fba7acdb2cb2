"""What is noted of texts: where something stands, by what hash it is known, and what is to be cut out.

A place is one number for an item and a character in it, so that places are in the order of the corpus.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[Any]
"""Structured, one of the types below."""
Numbers = npt.NDArray[np.int64]

CHARACTER_BITS = 31
"""Of a place; a text has fewer characters, since Arrow holds no longer ones."""
UNIT = np.dtype([("high", "<u8"), ("low", "<u8"), ("place", "<i8"), ("length", "<i8")])
"""A line or paragraph: 16 bytes of its hash, where it begins, and how many characters go with it."""
WINDOW = np.dtype([("high", "<u8"), ("place", "<i8")])
"""So many characters from a place on, and their hash."""
PAIR = np.dtype([("place", "<i8"), ("first", "<i8")])
"""A window that repeats another, and the first of them."""
CUT = np.dtype([("place", "<i8"), ("length", "<i8"), ("first", "<i8"), ("kind", "<i8")])
"""Characters to take out, the place that holds them first, and which of `KINDS` they are."""
RECORDS_READ = 2**20
KINDS = ("paragraph", "line", "substring")
"""In the order in which they are looked for."""


def place_of(item: int, character: int) -> int:
    """The place of a character of an item."""
    return item << CHARACTER_BITS | character


def item_of(places: Numbers) -> Numbers:
    """The items of some places."""
    return places >> CHARACTER_BITS


def character_of(places: Numbers) -> Numbers:
    """The characters of some places, counted from the beginning of their text."""
    return places & ((1 << CHARACTER_BITS) - 1)


@contextmanager
def writing_records(path: Path) -> Iterator[Callable[[Records], None]]:
    """A function that writes some more to a file, which is whole or not there, even if the machine goes down."""
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    with aside.open("wb") as stream:

        def write(records: Records) -> None:
            stream.write(records.tobytes())

        yield write
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(aside, path)


def write_records(path: Path, records: Records) -> None:
    """The same at once."""
    with writing_records(path) as write:
        write(records)


def read_records(path: Path, kind: np.dtype[Any]) -> Records:
    """All records of a file; none if it is not there."""
    return np.fromfile(path, kind) if path.exists() else np.zeros(0, kind)


def stretches_of(path: Path, kind: np.dtype[Any]) -> Iterator[Records]:
    """All records of a file, some at a time."""
    with path.open("rb") as stream:
        while len(records := np.fromfile(stream, kind, RECORDS_READ)):
            yield records
