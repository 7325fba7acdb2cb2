"""The on-disk format of token ids: what is written is read back, whatever its shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.artifacts.tokens import TokenStore, token_dtype, write_shard
from encoder_toys import make_documents
from packed_rows import make_store, write_store

ROWS = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), max_size=6)
SHARD = st.integers(1, 7)
LABELLED = make_documents([23, 9, 40, 17])


def sharded(store: TokenStore, size: int) -> TokenStore:
    ids = store.shards[0]
    return replace(store, shards=[ids[start : start + size] for start in range(0, max(1, len(ids)), size)])


@given(ROWS, SHARD, st.booleans(), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], shard: int, marked: bool, packed: bool
) -> None:
    store = make_store(rows)
    store = replace(store, supervised=store.supervised if marked else None)
    store = replace(store, row_offsets=store.row_offsets if packed else None)
    directory = tmp_path_factory.mktemp("tokens")
    write_store(sharded(store, shard), directory, "train")
    read = TokenStore.open(directory, "train")
    assert read.fingerprint == store.fingerprint
    assert (read.num_documents, read.num_tokens) == (store.num_documents, store.num_tokens)
    assert read.num_supervised == store.num_supervised
    assert read.document_lengths.tolist() == [length for row in rows for length in row]
    assert (read.row_offsets is None) == (not packed)
    ids = store.shards[0].tolist()
    assert read.input_ids(0, store.num_tokens).tolist() == ids
    assert read.input_ids(0, 0).dtype == np.int64


@given(st.integers(1, 40), SHARD, st.data())
def test_any_stretch_can_be_read(length: int, shard: int, data: st.DataObject) -> None:
    store = make_store([[length]])
    start = data.draw(st.integers(0, length))
    end = data.draw(st.integers(start, length))
    assert sharded(store, shard).input_ids(start, end).tolist() == store.shards[0][start:end].tolist()


def test_tokens_to_predict_are_counted() -> None:
    store = make_store([[5, 3], [8]])
    assert store.supervised is not None
    assert store.num_supervised == store.supervised.sum()
    assert replace(store, supervised=None).num_supervised == 4 + 2 + 7


@pytest.mark.parametrize(("vocabulary", "dtype"), [(400, np.uint16), (2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_ids_take_as_few_bytes_as_the_vocabulary_allows(tmp_path: Path, vocabulary: int, dtype: type) -> None:
    assert token_dtype(vocabulary) is dtype
    write_shard(tmp_path, 0, np.array([vocabulary - 1]), vocabulary)
    shard = np.load(tmp_path / "tokens-00000.npy")
    assert shard.dtype == dtype
    assert shard.tolist() == [vocabulary - 1]


def test_fingerprint_sees_every_kind_of_change() -> None:
    store = make_store([[2, 3], [4]])
    assert store.supervised is not None
    ids = store.shards[0].copy()
    ids[3] += 1
    others = [
        replace(store, shards=[ids]),
        replace(store, supervised=~store.supervised),
        replace(store, supervised=None),
        replace(store, document_offsets=np.array([0, 3, 5, 9])),
        replace(store, row_offsets=np.array([0, 1, 3])),
        replace(store, row_offsets=None),
        replace(store, scores=np.zeros(store.num_documents)),
    ]
    assert len({store.fingerprint, *(other.fingerprint for other in others)}) == len(others) + 1


def test_the_fingerprint_sees_words_and_classes() -> None:
    assert LABELLED.word_starts is not None
    assert LABELLED.labels is not None
    others = [
        replace(LABELLED, word_starts=~LABELLED.word_starts),
        replace(LABELLED, word_starts=None),
        replace(LABELLED, labels=LABELLED.labels[::-1].copy()),
        replace(LABELLED, labels=None),
    ]
    assert len({LABELLED.fingerprint, *(other.fingerprint for other in others)}) == 5
