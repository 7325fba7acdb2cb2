"""Exact duplicates: what is equal but for width and white space, and which of several stays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.conversations.conversation import Conversation, Example
from danlu.corpus.duplicates import exact


def example(question: str, answer: str = "yes") -> Example:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return Example.of(Conversation(messages))


def test_exact_duplicates_ignore_width_and_white_space_but_not_case_or_role() -> None:
    one, same, other_case, other_answer = (
        example("Ａ  b\nc"),
        example("A b c"),
        example("a b c"),
        example("A b c", answer="no"),
    )
    assert one.key == same.key
    assert one.id == one.key.hex()[:16]
    assert len({one.key, other_case.key, other_answer.key}) == 3


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(1, 9), st.integers(1, 70))
@settings(deadline=None)
def test_the_first_of_equal_keys_stays(values: list[int], rows_at_once: int, stretch: int) -> None:
    high = np.array([value // 4 for value in values], np.uint64)
    low = np.array([value % 4 for value in values], np.uint64)

    def read() -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
        for start in range(0, len(values), stretch):
            yield high[start : start + stretch], low[start : start + stretch]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS_AT_ONCE", rows_at_once)
        rows, firsts = exact.repeated(read, len(values))
    expected = [(row, values.index(value)) for row, value in enumerate(values) if values.index(value) < row]
    assert list(zip(rows.tolist(), firsts.tolist(), strict=True)) == expected
