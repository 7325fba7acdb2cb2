"""A few short documents cut out of many, by comparison with the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from danlu.artifacts.tokens import TokenStore
from danlu.training.checking.pieces import small_store
from encoder_toys import make_documents
from packed_rows import make_store


def documents_of(store: TokenStore) -> list[list[int]]:
    return [
        store.input_ids(int(start), int(end)).tolist()
        for start, end in zip(store.document_offsets, store.document_offsets[1:], strict=False)
    ]


def test_packed_rows_keep_neighbours_and_answers() -> None:
    store = make_store([[200], [90, 80, 30], [50, 20], [10, 12, 9, 8, 7, 30]])
    small = small_store(store, length=64, num_rows=3)
    assert small.row_offsets is not None
    assert small.supervised is not None
    assert np.diff(small.row_offsets).tolist() == [4, 3, 2]  # those with the most documents first, at most four of each
    for row in range(3):
        first, last = small.row_offsets[row : row + 2]
        assert small.document_lengths[first:last].sum() <= 64
    assert not small.supervised[small.document_offsets[:-1]].any()
    whole = [" ".join(map(str, ids)) for ids in documents_of(store)]
    assert all(any(" ".join(map(str, ids)) in text for text in whole) for ids in documents_of(small))
    for start, end in zip(small.document_offsets, small.document_offsets[1:], strict=False):
        assert small.supervised[start:end].any()


def test_an_answer_far_behind_is_found() -> None:
    store = make_store([[300]])
    supervised = np.zeros(300, np.bool_)
    supervised[250:260] = True
    small = small_store(replace(store, supervised=supervised), length=32, num_rows=1)
    assert small.supervised is not None
    assert small.num_tokens == 32
    assert small.supervised.sum() == 10


def test_documents_of_a_corpus_keep_their_frame_labels_and_words() -> None:
    store = make_documents([23, 9, 40, 17, 5, 33, 12, 28])
    small = small_store(store, length=20, num_rows=4)
    assert store.labels is not None
    assert small.labels is not None
    assert small.word_starts is not None
    assert small.document_lengths.max() == 15
    whole = documents_of(store)
    for number, ids in enumerate(documents_of(small)):
        found = [other for other, text in enumerate(whole) if text[: len(ids) - 1] == ids[:-1] and text[-1] == ids[-1]]
        assert store.labels[found[0]] == small.labels[number]
    assert len(small.word_starts) == small.num_tokens


def test_classes_that_lie_one_behind_the_other_are_all_there() -> None:
    store = make_documents([10] * 90)
    store = replace(store, labels=np.repeat(np.arange(3, dtype=np.int32), 30))
    small = small_store(store, length=16, num_rows=3)
    assert small.labels is not None
    assert set(small.labels.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("packed", [True, False])
def test_an_empty_split_stays_empty(packed: bool) -> None:
    empty = replace(make_store([]), row_offsets=np.zeros(1, np.int64) if packed else None)
    assert small_store(empty, length=16, num_rows=3).num_documents == 0
