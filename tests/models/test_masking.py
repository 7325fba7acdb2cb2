"""What is hidden: the shares, the words, and that it is a function of the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.models.masking import Shares, fold, hide
from encoder_toys import BEGIN, END, MASK, VOCABULARY, make_documents, mask_vocabulary

LENGTHS = st.lists(st.integers(3, 30), min_size=1, max_size=8)


def ids_of(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    store = make_documents(lengths)
    assert store.word_starts is not None
    return store.input_ids(0, store.num_tokens), store.word_starts


@pytest.mark.parametrize("whole_words", [True, False])
@pytest.mark.parametrize("shares", [Shares(), Shares(0.3, 0.5, 0.5), Shares(0.1, 1.0, 0.0)])
def test_shares_are_as_asked_for(shares: Shares, whole_words: bool) -> None:
    ids, starts = ids_of([50] * 2000)
    chosen, seen = hide(ids, starts if whole_words else None, mask_vocabulary(), shares, np.random.default_rng(1))
    ordinary = ids > MASK
    share = chosen.sum() / ordinary.sum()
    # Standard errors: about 0.0015 for words of 1.7 tokens among 96,000.
    assert share == pytest.approx(shares.chosen, abs=0.008)
    masked = (seen == MASK).sum() / chosen.sum()
    changed = ((seen != ids) & (seen != MASK)).sum() / chosen.sum()
    assert masked == pytest.approx(shares.masked, abs=0.02)
    # One in 56 random tokens is the one that stood there.
    assert changed == pytest.approx(shares.replaced * (1 - 1 / (VOCABULARY - 4)), abs=0.02)
    replaced = seen[(seen != ids) & (seen != MASK)]
    assert not len(replaced) or (replaced.min() > MASK and len(np.unique(replaced)) == VOCABULARY - 4)


@given(lengths=LENGTHS, seed=st.integers(0, 99), whole_words=st.booleans())
@settings(deadline=None, max_examples=50)
def test_only_what_is_chosen_changes_and_special_tokens_never(lengths: list[int], seed: int, whole_words: bool) -> None:
    ids, starts = ids_of(lengths)
    marks = starts if whole_words else None
    chosen, seen = hide(ids, marks, mask_vocabulary(), Shares(), np.random.default_rng(seed))
    again = hide(ids, marks, mask_vocabulary(), Shares(), np.random.default_rng(seed))
    assert np.array_equal(chosen, again[0])
    assert np.array_equal(seen, again[1])
    assert chosen.any()
    assert not chosen[(ids == BEGIN) | (ids == END)].any()
    assert np.array_equal(ids[~chosen], seen[~chosen])
    if whole_words:
        words = np.cumsum(starts)
        for word in np.unique(words[chosen]):
            assert chosen[words == word].all()


@given(lengths=LENGTHS, num_folds=st.integers(1, 9))
@settings(deadline=None, max_examples=50)
def test_folds_hold_every_ordinary_token_once(lengths: list[int], num_folds: int) -> None:
    ids, _ = ids_of(lengths)
    folds = fold(ids, mask_vocabulary(), num_folds, np.random.default_rng(0))
    assert sorted(np.concatenate(folds).tolist()) == np.flatnonzero(ids > MASK).tolist()
    sizes = [len(group) for group in folds]
    assert max(sizes) - min(sizes) <= 1
    assert len(folds) <= num_folds
