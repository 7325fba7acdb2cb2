"""Differences against sets of Python, whatever the rows and however they are shared out."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.artifacts.corpus import DOCUMENT_SCHEMA, CorpusWriter
from danlu.artifacts.dropped import DroppedWriter
from danlu.artifacts.splits import SPLITS
from danlu.corpus.config import CleanConfig
from danlu.corpus.inspecting import differing
from danlu.corpus.inspecting.differing import difference_of
from danlu.corpus.inspecting.sampling import Smallest, mixed
from danlu.corpus.inspecting.subject import Subject

STATES = st.sampled_from([*SPLITS, "left out: too short", "left out: near duplicate", "absent"])


def subject(folder: Path, states: dict[int, str], *, edited: frozenset[int] = frozenset(), **facts: int) -> Subject:
    """An artifact in which each text has one of `STATES`; those that are edited have another text at the same place."""
    folder.mkdir()
    with CorpusWriter(folder) as writer, DroppedWriter(folder) as dropped:
        gone = []
        for number, state in states.items():
            its_id = id_of(number, number in edited)
            row = {"id": its_id, "text": f"text {number}", "source": f"raw/{number % 3}", "row": number}
            if state in SPLITS:
                columns = [{**row, "label": None, "score": None}]
                writer.write(state, pa.RecordBatch.from_pylist(columns, DOCUMENT_SCHEMA))
            elif state != "absent":
                reason = state.removeprefix("left out: ")
                gone.append({**row, "reason": f"{reason} of {'0' * 16} (0.9)" if "duplicate" in reason else reason})
        dropped.write_rows(gone)
    config = CleanConfig.model_validate({"do": "clean", "into": "corpus", "from": "raw", "min_characters": len(states)})
    return Subject(folder.name, "corpus", folder, {"num_dropped": len(gone), **facts}, ["raw"], config, id=folder.name)


def id_of(number: int, edited: bool = False) -> str:
    return hashlib.sha256(f"{number} {edited}".encode()).hexdigest()[:16]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.integers(0, 40), st.tuples(STATES, STATES)), st.integers(1, 50))
def test_against_sets(both: dict[int, tuple[str, str]], at_once: int) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(differing, "IDS_AT_ONCE", at_once)
        before = {number: old for number, (old, _) in both.items()}
        after = {number: new for number, (_, new) in both.items()}
        found = difference_of(
            subject(Path(directory) / "a", before), subject(Path(directory) / "b", after), num_samples=50, seed=0
        )
    changes = Counter((old, new) for old, new in both.values() if old != new)
    assert Counter({(old, new): count for old, new, count in found.transitions}) == changes
    assert found.num_same == sum(old == new and old in SPLITS for old, new in both.values())
    assert found.num_added == sum(old not in SPLITS and new in SPLITS for old, new in both.values())
    assert found.num_removed == sum(old in SPLITS and new not in SPLITS for old, new in both.values())
    assert found.num_moved == sum(old != new and old in SPLITS and new in SPLITS for old, new in both.values())
    assert found.num_edited == 0
    by_id = {id_of(number): (number, pair) for number, pair in both.items()}
    assert len(found.samples) == sum(changes.values()) or len(changes) > 12
    for row in found.samples:
        number, pair = by_id[row.id]
        assert (row.before, row.after) == pair
        assert row.text == f"text {number}"


def test_edited_rows_and_settings(tmp_path: Path) -> None:
    states = dict.fromkeys(range(10), "train")
    found = difference_of(
        subject(tmp_path / "a", states, num_files_read=1),
        subject(tmp_path / "b", {**states, 10: "test"}, edited=frozenset({3, 4}), num_files_read=2),
        num_samples=1,
        seed=0,
    )
    assert (found.num_edited, found.num_added, found.num_removed, found.num_same) == (2, 3, 2, 8)
    assert found.settings == {"min_characters": (10, 11)}
    assert found.numbers["num_files_read"] == (1, 2)
    assert found.names == ("a", "b")


def test_with_itself(tmp_path: Path) -> None:
    one = subject(tmp_path / "a", dict.fromkeys(range(5), "train") | {7: "left out: too short"})
    found = difference_of(one, one, num_samples=3, seed=0)
    assert (found.transitions, found.settings, found.samples, found.num_same) == ([], {}, [], 5)


@given(st.lists(st.integers(1, 2**63), unique=True), st.integers(1, 5))
def test_samples_do_not_depend_on_the_order(ids: list[int], size: int) -> None:
    def chosen(order: list[int], at_once: int) -> list[int]:
        smallest = Smallest(size, seed=3)
        for at in range(0, len(order), at_once):
            part = order[at : at + at_once]
            smallest.add(np.array(part, np.uint64), lambda place, part=part: part[place])  # type: ignore[misc]
        return smallest.items()

    shuffled = sorted(ids, key=lambda number: hash((number, 1)))
    keys = mixed(np.array(ids, np.uint64), 3).tolist()
    expected = [number for _, number in sorted(zip(keys, ids, strict=True))][:size]
    assert chosen(ids, 100) == chosen(shuffled, 3) == expected
