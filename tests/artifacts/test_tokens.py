"""The on-disk format of packed rows: what is written is read back, whatever its shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import danlu.artifacts.tokens as tokens_format
from danlu.artifacts.tokens import PackedRows

DOCUMENT = st.lists(st.tuples(st.integers(0, 2**31 - 1), st.booleans()), min_size=1, max_size=6)
ROWS = st.lists(st.lists(DOCUMENT, min_size=1, max_size=4), max_size=6)


def packed(rows: list[list[list[tuple[int, bool]]]]) -> PackedRows:
    documents = [document for row in rows for document in row]
    return PackedRows(
        input_ids=np.array([token for document in documents for token, _ in document], np.int32),
        supervised=np.array([flag for document in documents for _, flag in document], np.bool_),
        document_lengths=np.array([len(document) for document in documents], np.int32),
        example_ids=[f"{index:016x}" for index in range(len(documents))],
        row_offsets=np.cumsum([0, *(sum(len(document) for document in row) for row in rows)]).astype(np.int64),
        document_offsets=np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64),
    )


@given(ROWS, st.integers(1, 20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_what_is_written_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[list[tuple[int, bool]]]], group: int
) -> None:
    monkeypatch.setattr(tokens_format, "MAXIMUM_TOKENS_PER_GROUP", group)
    written = packed(rows)
    written.write(tmp_path, "train")
    read = PackedRows.read(tmp_path, "train")
    assert read.num_rows == len(rows)
    assert read.num_tokens == sum(len(document) for row in rows for document in row)
    assert read.num_supervised == sum(flag for row in rows for document in row for _, flag in document)
    assert read.example_ids == written.example_ids
    assert read.fingerprint == written.fingerprint
    for index, row in enumerate(rows):
        one = read.row(index)
        assert one.input_ids.tolist() == [token for document in row for token, _ in document]
        assert one.supervised.tolist() == [flag for document in row for _, flag in document]
        assert one.document_lengths.tolist() == [len(document) for document in row]
        assert one.input_ids.dtype == np.int32
        assert one.document_lengths.dtype == np.int32


@pytest.mark.parametrize(
    "other",
    [
        [[[(1, True), (2, True)]]],  # another flag
        [[[(1, True), (3, False)]]],  # another token
        [[[(1, True)], [(2, False)]]],  # another document border
        [[[(1, True)]], [[(2, False)]]],  # another row border
    ],
)
def test_fingerprint_sees_every_kind_of_change(other: list[list[list[tuple[int, bool]]]]) -> None:
    assert packed([[[(1, True), (2, False)]]]).fingerprint != packed(other).fingerprint
