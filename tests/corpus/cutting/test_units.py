"""Lines and paragraphs: where they begin, which are looked for, and what is left of texts without them."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.cutting import repeats
from danlu.corpus.cutting.applying import without
from danlu.corpus.cutting.records import UNIT, character_of, item_of, place_of
from danlu.corpus.cutting.repeats import Shares, more_than, shared
from danlu.corpus.cutting.units import digest_of, spans

TEXTS = st.text(st.sampled_from("ab \n"), max_size=40).map(str.strip)


@given(TEXTS, st.sampled_from(["line", "paragraph"]))
def test_spans_are_the_whole_text_in_order(text: str, kind: str) -> None:
    found = list(spans(text, kind))
    assert "".join(text[start:stop] for start, stop in found) == text
    units = text.split("\n") if kind == "line" else re.split(r"\n(?:[^\S\n]*\n)+", text)
    assert [text[start:stop].strip() for start, stop in found] == [unit.strip() for unit in units]


def test_what_is_looked_for() -> None:
    assert digest_of("Ｐａｇｅ   one\n", 8) == digest_of("Page one", 8) != digest_of("page one", 8)
    assert digest_of("Page one", 9) is None
    assert digest_of("a" + " " * 20 + "b", 4) is None, "white space is run together"
    assert digest_of("-" * 20, 4) is None
    assert digest_of("版权所有，翻印必究", 8) is not None


def test_places_are_in_the_order_of_the_corpus() -> None:
    places = np.array([place_of(0, 5), place_of(0, 2**31 - 1), place_of(1, 0), place_of(2**31, 7)])
    assert (np.diff(places) > 0).all()
    assert item_of(places).tolist() == [0, 0, 1, 2**31]
    assert character_of(places).tolist() == [5, 2**31 - 1, 0, 7]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=60), st.integers(1, 4), st.integers(1, 9))
def test_records_that_share_a_hash_are_found_share_by_share(
    hashes: list[tuple[int, int]], at_most: int, at_once: int
) -> None:
    records = np.zeros(len(hashes), UNIT)
    for place, (high, low) in enumerate(hashes):
        records[place] = (high, low, place, 1)
    by_hash: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, both in enumerate(hashes):
        by_hash[both].append(place)
    found, members = [], []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as directory:
        patch.setattr(repeats, "RECORDS_AT_ONCE", at_once)
        shares = Shares(Path(directory), len(records), UNIT)
        shares.add(records[: len(records) // 2])
        shares.add(records[len(records) // 2 :])
        for share in shares:
            later, first = more_than(share, at_most)
            found += list(zip(later["place"].tolist(), first["place"].tolist(), strict=True))
            members += shared(share)["place"].tolist()
        assert not list(Path(directory).iterdir()), "nothing is left on the disk"
    assert sorted(found) == sorted((place, group[0]) for group in by_hash.values() for place in group[at_most:])
    assert sorted(members) == sorted(place for group in by_hash.values() if len(group) > 1 for place in group)


def test_words_are_not_glued_together() -> None:
    assert without("one two three", [(3, 8)]) == "one three"
    assert without("one two three", [(4, 8)]) == "one three"
    assert without("one\ntwo three", [(3, 8)]) == "one\nthree"
    assert without("丹炉炼丹", [(1, 3)]) == "丹丹"
    assert without("a\nb\nc", [(2, 4)]) == "a\nc"
    assert without("a\nb\nc", [(0, 2), (2, 4)]) == "c"
    assert without("a\nb\nc", [(4, 5)]) == "a\nb"
    assert without("abc", [(0, 3)]) == ""


@given(st.text(st.sampled_from("ab \n"), max_size=30), st.sets(st.integers(0, 29)))
def test_what_is_left_is_what_was_not_cut(text: str, gone: set[int]) -> None:
    left = without(text, [(place, place + 1) for place in sorted(gone) if place < len(text)])
    kept = "".join(letter for place, letter in enumerate(text) if place not in gone)
    assert "".join(left.split()) == "".join(kept.split())
    assert left == left.strip()
