"""Passages of at least so many characters that stand somewhere earlier, letter for letter.

As Lee et al. 2022 ("Deduplicating Training Data Makes Language Models Better", arXiv:2107.06499) cut them, with
characters for tokens and the first occurrence left where it is. They sort all suffixes of the corpus, which takes five
to nine bytes of memory for each byte of text at once. Here memory does not grow with the corpus, and what is found is
the same: a window is a passage of exactly that length, and a longer repeat is made of windows.

1. Anchors. Of all pieces of half the length, winnowing chooses some 2% so that every window holds one, and equal
   windows the same at the same place. Anchors that stand once in the corpus show that the windows around them do.
2. Windows. Around the others, every window is noted with its hash, and those with the same hash are the same.

What is noted on the disk is 0.3 bytes for a character of any text, and 16 for one in a passage that repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from danlu.corpus.cutting.portion import Portion
from danlu.corpus.cutting.records import (
    WINDOW,
    Numbers,
    Records,
    character_of,
    item_of,
    place_of,
    read_records,
    writing_records,
)

WINDOWS_AT_ONCE = 2**20
"""Of one text."""


@dataclass(frozen=True)
class WindowsTask:
    """One part."""

    portion: Portion
    length: int
    """Characters of a window."""
    path: Path
    """Of the records."""
    anchors: Path | None = None
    """Places of anchors that repeat others; None while anchors are looked for."""

    @property
    def num_bytes(self) -> int:
        return self.portion.part.num_bytes


def write_anchors(task: WindowsTask) -> None:
    """Note the anchors of a part."""
    from danlu.corpus.cutting.kernels import window_hashes, winnowed

    piece = piece_length(task.length)
    with writing_records(task.path) as write:
        for item, text, cuts in task.portion.texts():
            behind = 0
            for start, stop in _stretches(len(text), cuts, task.length):
                for first, last in _blocks(start, stop - task.length + 1):
                    block = text[first : last + task.length - 1]
                    hashes = window_hashes(_codes(block), 0, len(block), piece)
                    chosen = winnowed(hashes, task.length - piece + 1)
                    chosen = chosen[chosen + first >= behind]  # the block before may have chosen the same
                    write(_records(hashes[chosen], chosen + place_of(item, first)))
                    behind = first + int(chosen[-1]) + 1 if len(chosen) else behind


def write_windows(task: WindowsTask) -> None:
    """Note the windows of a part that hold an anchor which repeats another."""
    from danlu.corpus.cutting.kernels import window_hashes

    assert task.anchors is not None
    anchors = np.sort(read_records(task.anchors, WINDOW)["place"])
    reach = task.length - piece_length(task.length)
    with writing_records(task.path) as write:
        for item, text, cuts in task.portion.texts():
            within = slice(*np.searchsorted(item_of(anchors), [item, item + 1]))
            its_anchors = character_of(anchors[within])
            for start, stop in _stretches(len(text), cuts, task.length) if len(its_anchors) else []:
                inside = its_anchors[(its_anchors >= start) & (its_anchors < stop)]
                firsts, lasts = np.maximum(inside - reach, start), np.minimum(inside, stop - task.length) + 1
                for first, last in _united(firsts, lasts):
                    for begin, end in _blocks(first, last):
                        block = text[begin : end + task.length - 1]
                        hashes = window_hashes(_codes(block), 0, len(block), task.length)
                        write(_records(hashes, np.arange(begin, end) + place_of(item, 0)))


def piece_length(length: int) -> int:
    """Characters of an anchor: long ones are rarely shared by chance, short ones are rarer among all."""
    return length // 2


def cuts_of(places: Numbers, firsts: Numbers, length: int) -> tuple[Numbers, Numbers, Numbers]:
    """What is to be cut out: place, characters, and the place that holds it first, in order and none over another.

    Characters of the first occurrence stay, also where the next one begins before its end. Neighbouring windows that
    repeat neighbouring ones are one cut. What a cut takes away from the next may leave little of it; then both are one,
    under the first place of the former: its last characters may stand elsewhere.

    Args:
        places: Windows that repeat earlier ones.
        firsts: For each the first with its hash.
        length: Characters of a window.
    """
    order = np.argsort(places, kind="stable")
    places, firsts = places[order], firsts[order]
    begins = np.ones(len(places), np.bool_)
    begins[1:] = (np.diff(places) != 1) | (np.diff(firsts) != 1)
    ends = np.roll(begins, -1)  # the last is one, since the first begins
    places, firsts, stops = places[begins], firsts[begins], places[ends] + length
    starts = np.maximum(places, firsts + length)
    order = np.lexsort((stops, starts))
    runs = np.stack([starts, stops, firsts - places], axis=1)[order]
    found: list[list[int]] = []
    end = -1
    for start, stop, back in runs[starts[order] < stops[order]].tolist():
        start = max(start, end)
        if start >= stop:
            continue
        if found and start == end and stop - start < length // 4:
            found[-1][1] += stop - start
        else:
            found.append([start, stop - start, start + back])
        end = stop
    cuts = np.array(found, np.int64).reshape(-1, 3)
    return cuts[:, 0], cuts[:, 1], cuts[:, 2]


def _stretches(num_characters: int, cuts: list[tuple[int, int]], shortest: int) -> list[tuple[int, int]]:
    """What lies between cuts and is long enough."""
    starts = [0, *(stop for _, stop in cuts)]
    stops = [*(start for start, _ in cuts), num_characters]
    return [(start, stop) for start, stop in zip(starts, stops, strict=True) if stop - start >= shortest]


def _blocks(first: int, last: int) -> list[tuple[int, int]]:
    """Places of windows, some at a time."""
    return [(start, min(start + WINDOWS_AT_ONCE, last)) for start in range(first, last, WINDOWS_AT_ONCE)]


def _united(firsts: Numbers, lasts: Numbers) -> list[tuple[int, int]]:
    """Stretches, in order of their beginnings, with those that touch made one."""
    united: list[tuple[int, int]] = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], last))
        elif first < last:
            united.append((first, last))
    return united


def _codes(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32)


def _records(hashes: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], places: Numbers) -> Records:
    records = np.empty(len(hashes), WINDOW)
    records["high"], records["place"] = hashes, places
    return records
