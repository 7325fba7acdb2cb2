"""Passages that repeat earlier ones: what winnowing and hashes find equals a search through all windows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.cutting import repeats, windows
from danlu.corpus.cutting.finding import find_substrings
from danlu.corpus.cutting.kernels import BASE, MODULUS, product, window_hashes, winnowed
from danlu.corpus.cutting.portion import GONE, Portion
from danlu.corpus.cutting.records import CUT, KINDS, character_of, item_of, place_of, write_records
from danlu.corpus.parts import Part
from danlu.corpus.rules.kernels.hashing import mix
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.part_files import ITEMS, NOTES

NUMBERS = st.integers(0, int(MODULUS) - 1)


@settings(deadline=None)  # the first call compiles
@given(NUMBERS, NUMBERS)
def test_products_are_those_of_whole_numbers(left: int, right: int) -> None:
    assert int(product(np.uint64(left), np.uint64(right))) == left * right % int(MODULUS)


@settings(deadline=None)  # the first call compiles
@given(st.text(min_size=1, max_size=40), st.integers(1, 12))
def test_hashes_of_windows_are_polynomials(text: str, length: int) -> None:
    codes = np.array([ord(letter) for letter in text], np.uint32)
    found = window_hashes(codes, 0, len(codes), length)
    expected = []
    for place in range(len(text) - length + 1):
        value = 0
        for letter in text[place : place + length]:
            value = (value * int(BASE) + ord(letter) + 1) % int(MODULUS)
        expected.append(int(mix(np.uint64(value))))
    assert found.tolist() == expected


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(0, 8), min_size=1, max_size=50), st.integers(1, 9))
def test_the_least_of_each_stretch_is_chosen(hashes: list[int], width: int) -> None:
    expected = sorted(
        {min(range(start, start + width), key=lambda p: (hashes[p], p)) for start in range(len(hashes) - width + 1)}
    )
    assert winnowed(np.array(hashes, np.uint64), width).tolist() == expected


def slowly(texts: list[list[tuple[int, str]]], length: int) -> list[list[bool]]:
    """Of each character of each text whether it is cut out, by looking at all windows.

    Args:
        texts: Of each, the stretches that are looked at: first character and content.
        length: Characters of a window.
    """
    firsts: dict[str, tuple[int, int]] = {}
    gone = [[False] * max((start + len(content) for start, content in text), default=0) for text in texts]
    for item, text in enumerate(texts):
        for start, content in text:
            for place in range(start, start + len(content) - length + 1):
                window = content[place - start : place - start + length]
                first_item, first = firsts.setdefault(window, (item, place))
                if (first_item, first) != (item, place):
                    kept = first + length if first_item == item else 0
                    for character in range(max(place, kept), place + length):
                        gone[item][character] = True
    return gone


def find(
    texts: list[str], length: int, gone: Set[int] = frozenset(), before: dict[int, tuple[int, int]] | None = None
) -> Any:
    """Cuts of texts in parts of two items each.

    Args:
        texts: Of all items.
        length: Characters of a window.
        gone: Items that are left out.
        before: By item, what is cut out of it already.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_records(folder / GONE, np.array([item in gone for item in range(len(texts))], np.bool_))
        portions = []
        for number, first in enumerate(range(0, len(texts), 2)):
            directory = folder / f"part-{number}"
            directory.mkdir()
            batch = pa.RecordBatch.from_pydict({"text": texts[first : first + 2]})
            with pa.ipc.new_file(str(directory / ITEMS), batch.schema) as file:
                file.write_batch(batch)
            (directory / NOTES).write_text(json.dumps(Notes().as_json()))
            portions.append(Portion(Part(number, ()), directory, first, folder))
        for item, (start, stop) in (before or {}).items():
            with portions[item // 2].cuts_path.open("ab") as stream:
                stream.write(np.array([(place_of(item, start), stop - start, 0, 0)], CUT).tobytes())
        find_substrings(portions, length, folder / "substring", do_all)
        cuts = np.concatenate([portion.cuts() for portion in portions])
        return cuts[cuts["kind"] == KINDS.index("substring")]


def do_all(do: Any, tasks: Any, what: str) -> None:
    for task in tasks:
        do(task)


def check(texts: list[str], cuts: Any, expected: list[list[bool]], length: int) -> None:
    found = [[False] * len(text) for text in texts]
    for place, size, first, _ in cuts.tolist():
        item, start = int(item_of(np.int64(place))), int(character_of(np.int64(place)))
        first_item, first_start = int(item_of(np.int64(first))), int(character_of(np.int64(first)))
        assert (first_item, first_start) < (item, start)
        own = min(size, max(1, length // 4))
        assert texts[item][start : start + own] == texts[first_item][first_start : first_start + own]
        for character in range(start, start + size):
            assert not found[item][character], "no cut lies over another"
            found[item][character] = True
    assert found == [gone + [False] * (len(text) - len(gone)) for gone, text in zip(expected, texts, strict=True)]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_cut_equals_a_search_through_all_windows(data: Any) -> None:
    length = data.draw(st.integers(2, 9))
    pieces = data.draw(st.lists(st.text(st.sampled_from("abc丹"), min_size=1, max_size=14), min_size=1, max_size=4))
    texts = data.draw(st.lists(st.lists(st.sampled_from(pieces), max_size=6).map("".join), min_size=1, max_size=6))
    gone = data.draw(st.sets(st.integers(0, len(texts) - 1), max_size=1))
    before = {}
    for item in data.draw(st.sets(st.integers(0, len(texts) - 1), max_size=2)):
        if len(texts[item]) > 2 and item not in gone:
            start = data.draw(st.integers(0, len(texts[item]) - 2))
            before[item] = (start, data.draw(st.integers(start + 1, len(texts[item]))))
    stretches = []
    for item, text in enumerate(texts):
        start, stop = before.get(item, (0, 0))
        stretches.append([] if item in gone else [(0, text[:start]), (stop, text[stop:])])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOWS_AT_ONCE", data.draw(st.integers(1, 20)))
        patch.setattr(repeats, "RECORDS_AT_ONCE", data.draw(st.integers(3, 20)))
        check(texts, find(texts, length, gone, before), slowly(stretches, length), length)


def test_a_passage_that_runs_into_another_is_cut_out_whole() -> None:
    text = "aaabaaaaab"  # the second aaaa runs over the first, which stays, and aaab behind it stands at the beginning
    check([text], find([text], 4), slowly([[(0, text)]], 4), 4)


def test_a_text_of_one_letter_keeps_one_window() -> None:
    (cut,) = find(["a" * 1000, "b"], 50)
    assert (cut["place"], cut["length"], cut["first"]) == (50, 950, 49)


def test_a_copy_is_one_cut() -> None:
    rng = np.random.default_rng(3)
    passage = "".join(map(chr, rng.integers(0x4E00, 0x9000, 500)))
    texts = ["x" + passage + "y", "z" * 10, "one " + passage + " two " + passage[100:400]]
    first, second = find(texts, 200)
    assert (first["place"], first["length"], first["first"]) == (place_of(2, 4), 500, 1)
    assert (second["place"], second["length"], second["first"]) == (place_of(2, 509), 300, 101)
    assert not len(find(texts, 501))
