"""Which documents share a row. A document is never cut and never moved apart."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
import numpy.typing as npt


def pack_best_fit(lengths: npt.NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Best-fit decreasing: the longest document first, each into the fullest row that still has room for it.

    At most 11/9 of the fewest possible rows, plus four (Johnson, 1973). Deterministic: of equally long documents the
    first comes first, of equally full rows the one that was filled last.

    Args:
        lengths: Tokens of each document, each from 1 to `capacity`.
        capacity: Tokens of a row at most.

    Returns:
        For each row the indices of its documents, ascending; rows in the order of their first document, so that the
        data keeps its order as far as it can.
    """
    assert lengths.size == 0 or 1 <= lengths.min() <= lengths.max() <= capacity
    rows: list[list[int]] = []
    rows_by_room: dict[int, list[int]] = {}
    """Rows with the same number of tokens left, the newest last."""
    rooms: list[int] = []
    """The keys of `rows_by_room`, ascending: at most `capacity` numbers, however many rows there are."""
    for document in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[document])
        place = bisect_left(rooms, length)
        if place == len(rooms):
            row, room = len(rows), capacity
            rows.append([])
        else:
            room = rooms[place]
            row = rows_by_room[room].pop()
            if not rows_by_room[room]:
                del rows_by_room[room], rooms[place]
        rows[row].append(document)
        left = room - length
        if left and left not in rows_by_room:
            rows_by_room[left] = []
            insort(rooms, left)
        if left:
            rows_by_room[left].append(row)
    return sorted((sorted(row) for row in rows), key=lambda row: row[0])


def pack_none(lengths: npt.NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Each document in a row of its own."""
    return [[document] for document in range(len(lengths))]


PACKINGS = {"best_fit": pack_best_fit, "none": pack_none}
