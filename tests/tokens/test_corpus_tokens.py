"""Tokenising a corpus: every document whole, framed, in order, and a killed run goes on with the range it was at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_files import write_corpus
from danlu.artifacts.tokens import TokenStore
from danlu.models.frame import Frame
from danlu.telemetry.reporter import Reporter
from danlu.tokens import corpus
from danlu.tokens.corpus import tokenize_corpus

TEXTS = [f"document {number} 丹炉 " + "word " * (number % 7) for number in range(40)]


def run(tokenizer: Any, directory: Path, place: Path) -> TokenStore:
    out = place / "out"
    out.mkdir(parents=True)
    tokenize_corpus(tokenizer, directory, {}, Reporter(), place / "kept", out)
    return TokenStore.open(out, "train")


def expected(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    return [[*tokenizer(text, add_special_tokens=False).input_ids, end] for text in texts]


def documents(store: TokenStore) -> list[list[int]]:
    return [
        store.input_ids(int(start), int(end)).tolist()
        for start, end in zip(store.document_offsets[:-1], store.document_offsets[1:], strict=True)
    ]


def test_every_document_is_there_whole_in_order_and_framed(
    tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "RANGE_BYTES", 300)
    write_corpus(tmp_path / "corpus", TEXTS)
    store = run(tiny_tokenizer, tmp_path / "corpus", tmp_path / "run")
    assert len(store.shards) > 3
    assert documents(store) == expected(tiny_tokenizer, TEXTS)
    read = pq.read_table(tmp_path / "run" / "out" / "train" / "documents.parquet")
    assert read.column("id").to_pylist() == [f"{number:016x}" for number in range(len(TEXTS))]
    assert set(read.column("source").to_pylist()) == {"file:a"}
    assert TokenStore.open(tmp_path / "run" / "out", "test").num_documents == 0
    assert not (tmp_path / "run" / "kept").exists()


def test_a_killed_run_goes_on_and_makes_the_same(
    tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "corpus"
    write_corpus(directory, TEXTS)
    monkeypatch.setattr(corpus, "RANGE_BYTES", 300)
    whole = run(tiny_tokenizer, directory, tmp_path / "whole")
    write, written = corpus.write_shard, []

    def write_and_die(folder: Path, number: int, ids: Any, vocabulary_size: int) -> None:
        written.append(len(ids))
        if len(written) == 3:
            raise KeyboardInterrupt
        write(folder, number, ids, vocabulary_size)

    monkeypatch.setattr(corpus, "write_shard", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_tokenizer, directory, tmp_path / "cut")
    # The range that was cut off while it was written has no mark and is made again.
    (tmp_path / "cut" / "out").rename(tmp_path / "cut" / "died")
    resumed = run(tiny_tokenizer, directory, tmp_path / "cut")
    assert resumed.fingerprint == whole.fingerprint
    assert sum(written) == whole.num_tokens + written[2]


@given(
    lengths=st.lists(st.integers(0, 5), max_size=8),
    start=st.lists(st.just(-1), max_size=1),
    end=st.lists(st.just(-2), min_size=1, max_size=1),
)
def test_frames_stand_around_every_document(lengths: list[int], start: list[int], end: list[int]) -> None:
    ids = np.arange(sum(lengths))
    offsets = np.cumsum([0, *lengths])
    framed, framed_lengths = Frame(start, end).put_around(ids, offsets)
    parts = [[*start, *ids[offsets[i] : offsets[i + 1]].tolist(), *end] for i in range(len(lengths))]
    assert framed.tolist() == [token for part in parts for token in part]
    assert framed_lengths.tolist() == list(map(len, parts))


def test_the_frame_is_the_tokenizers_own(tiny_tokenizer: Any) -> None:
    frame = Frame.of(tiny_tokenizer)
    assert frame == Frame([], [tiny_tokenizer.convert_tokens_to_ids("<|endoftext|>")])
