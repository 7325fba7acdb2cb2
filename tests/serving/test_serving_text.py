"""Text as it comes adds up to the text as a whole, and stop texts never show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.serving.engines.text import IncrementalText, StopTexts

SAME_TOKENIZER = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(text=st.text(max_size=40))
@SAME_TOKENIZER
def test_parts_add_up(tiny_tokenizer: Any, text: str) -> None:
    token_ids = tiny_tokenizer(text, add_special_tokens=False)["input_ids"]
    stream = IncrementalText(tiny_tokenizer)
    parts = [stream.push(token_id) for token_id in token_ids]
    assert "".join([*parts, stream.rest()]) == text


@given(token_ids=st.lists(st.integers(0, 399), max_size=30))
@SAME_TOKENIZER
def test_random_tokens_lose_nothing(tiny_tokenizer: Any, token_ids: list[int]) -> None:
    stream = IncrementalText(tiny_tokenizer)
    parts = [stream.push(token_id) for token_id in token_ids]
    whole = tiny_tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert "".join([*parts, stream.rest()]) == whole


def test_half_characters_wait(tiny_tokenizer: Any) -> None:
    token_ids = tiny_tokenizer("龘", add_special_tokens=False)["input_ids"]
    assert len(token_ids) == 3  # one per byte: the tokenizer has not seen it
    stream = IncrementalText(tiny_tokenizer)
    assert [stream.push(token_id) for token_id in token_ids] == ["", "", "龘"]


@pytest.mark.parametrize(
    ("stops", "pushed", "shown", "found"),
    [
        (["END"], ["one E", "ND two"], "one ", True),
        (["END"], ["one E", "ND"], "one ", True),
        (["END"], ["one EN", "D"], "one ", True),
        (["END"], ["one EN", "O"], "one ENO", False),
        (["END"], ["EEN", "D"], "E", True),
        (["\n\n"], ["a\n", "b\n", "\nc"], "a\nb", True),
        (["b", "ab"], ["xab"], "x", True),
        (["longer", "long"], ["a long", "er"], "a ", True),
        ([], ["all", " of it"], "all of it", False),
        (["。"], ["你好", "。再见"], "你好", True),
    ],
)
def test_stop_texts(stops: list[str], pushed: list[str], shown: str, found: bool) -> None:
    watch = StopTexts(stops)
    text = "".join(watch.push(part) for part in pushed)
    assert text + watch.rest() == shown
    assert watch.found == found


@given(
    parts=st.lists(st.text(alphabet="ab", max_size=4), max_size=8),
    stops=st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=3),
)
def test_stop_texts_never_show(parts: list[str], stops: list[str]) -> None:
    whole = "".join(parts)
    ends = [whole.find(stop) + len(stop) for stop in stops if stop in whole]
    watch = StopTexts(stops)
    shown = "".join(watch.push(part) for part in parts) + watch.rest()
    assert whole.startswith(shown)
    assert watch.found == bool(ends)
    assert not any(stop in shown for stop in stops)
    if not ends:
        assert shown == whole
