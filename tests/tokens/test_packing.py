"""Packing: nothing lost, nothing twice, nothing cut, rows nearly as few as can be."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.tokens.packing import pack_best_fit, pack_none

LENGTHS = st.lists(st.integers(1, 32), max_size=80)


def best_fit_by_hand(lengths: list[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing by looking at every row every time."""
    rows: list[list[int]] = []
    filled: list[int] = []
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    touched: list[int] = []
    for document in order:
        fitting = [row for row in range(len(rows)) if filled[row] + lengths[document] <= capacity]
        if fitting:
            row = max(fitting, key=lambda row: (filled[row], touched[row]))
        else:
            row = len(rows)
            rows.append([])
            filled.append(0)
            touched.append(0)
        rows[row].append(document)
        filled[row] += lengths[document]
        touched[row] = max(touched) + 1
    return sorted(sorted(row) for row in rows)


@given(LENGTHS)
@settings(deadline=None)
def test_best_fit_equals_the_slow_way(lengths: list[int]) -> None:
    rows = pack_best_fit(np.array(lengths, np.int64), 32)
    assert rows == best_fit_by_hand(lengths, 32)
    assert sorted(document for row in rows for document in row) == list(range(len(lengths)))
    assert all(sum(lengths[document] for document in row) <= 32 for row in rows)


@given(LENGTHS)
def test_none_gives_each_document_its_row(lengths: list[int]) -> None:
    assert pack_none(np.array(lengths, np.int64), 32) == [[index] for index in range(len(lengths))]


def test_many_documents_take_little_time_and_leave_little_room() -> None:
    lengths = np.random.default_rng(1).gamma(2.0, 90.0, 100_000).astype(np.int64).clip(1, 512)
    started = time.process_time()
    rows = pack_best_fit(lengths, 512)
    assert time.process_time() - started < 10
    assert lengths.sum() / (len(rows) * 512) > 0.99
