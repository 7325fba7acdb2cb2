"""Texts go into a flat array and come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.text_batch import TextBatch


@given(st.lists(st.text()), st.data())
def test_texts_come_back(texts: list[str], data: st.DataObject) -> None:
    batch = TextBatch.of(texts)
    assert batch.texts() == texts
    assert len(batch) == len(texts)
    assert batch.lengths.tolist() == list(map(len, texts))
    assert batch.codes.tolist() == [ord(character) for text in texts for character in text]
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1))) if texts else []
    assert batch.take(np.array(rows, np.int64)).texts() == [texts[row] for row in rows]


def test_the_array_can_be_written_to_and_is_nobody_elses() -> None:
    batch = TextBatch.of(["丹炉", "", "𠀀a"])
    assert batch.codes.dtype == np.uint32
    assert batch.starts.tolist() == [0, 2, 2, 4]
    batch.codes[0] = ord("炼")
    assert batch.texts() == ["炼炉", "", "𠀀a"]


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        TextBatch.of(["\ud800"])
