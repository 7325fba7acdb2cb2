"""A row never changes side, and the shares come out as asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from danlu.corpus.config import SplitConfig
from danlu.corpus.conversations.conversation import Example
from danlu.corpus.split import side_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


def example(text: str) -> Example:
    return Example.of([{"role": "user", "content": text}, {"role": "assistant", "content": "a"}])


def sides(texts: list[str], config: SplitConfig) -> dict[str, str]:
    return {text: side_of(example(text).normalised, config) for text in texts}


@given(st.lists(TEXT, unique=True, max_size=30), st.lists(TEXT, unique=True, max_size=30), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_other_rows_do_not_matter(texts: list[str], others: list[str], seed: int) -> None:
    config = SplitConfig(validation=0.3, test=0.3, seed=seed)
    alone, together = sides(texts, config), sides([*others, *reversed(texts)], config)
    assert alone == {text: together[text] for text in texts}
    # What is the same after normalisation is on the same side.
    assert all(sides([f" {text}\n "], config)[f" {text}\n "] == side for text, side in alone.items())


def test_a_larger_test_share_only_adds_to_the_test_split() -> None:
    texts = [str(number) for number in range(500)]
    small, large = (sides(texts, SplitConfig(test=share)) for share in (0.1, 0.2))
    assert all(large[text] == "test" for text, side in small.items() if side == "test")


def test_shares_and_seeds() -> None:
    texts = [str(number) for number in range(4000)]
    first, second = (sides(texts, SplitConfig(validation=0.05, test=0.1, seed=seed)) for seed in (1, 2))
    for split, share in (("train", 0.85), ("validation", 0.05), ("test", 0.1)):
        assert list(first.values()).count(split) == pytest.approx(4000 * share, rel=0.2)
    assert first != second


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        SplitConfig(validation=0.5, test=0.5)
