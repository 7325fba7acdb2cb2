"""What differs between two artifacts: settings, numbers, and what became of each row, told by ids.

Ids are compared in shares of some million, so that memory is bounded whatever the size. An id is a hash of the text:
a text that was edited counts as one that went and one that came, and is counted besides where its place says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.splits import SPLITS
from danlu.corpus.inspecting.reasons import collapsed, dropped_rows
from danlu.corpus.inspecting.rows import ids_of, split_files, text_batches
from danlu.corpus.inspecting.sampling import Smallest
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.item import key_of

IDS_AT_ONCE = 4_000_000
ABSENT = "absent"
TEXT_CHARACTERS = 200
NO_ID = np.uint64(0)
"""Of rows that came to no item; they are not told apart."""


@dataclass(frozen=True)
class RowOfTwo:
    """A row that is not the same in both."""

    id: str
    before: str
    """``train``, ``left out: REASON``, ``absent``."""
    after: str
    text: str = ""
    """Its beginning."""
    source: str = ""


@dataclass(frozen=True)
class Difference:
    """Between a first and a second artifact."""

    names: tuple[str, str]
    ids: tuple[str | None, str | None]
    settings: dict[str, tuple[Any, Any]]
    """Paths of settings that differ, with both values."""
    numbers: dict[str, tuple[Any, Any]]
    """Of the facts, those that are numbers."""
    transitions: list[tuple[str, str, int]]
    """Rows by what they were and what they are, both ``train``, ``left out: REASON`` and so on; those that differ, the
    most frequent first."""
    num_same: int
    """Rows that stayed in the same split."""
    num_added: int
    """Kept in the second and not in the first."""
    num_removed: int
    """Kept in the first and not in the second."""
    num_moved: int
    """Kept in both, in another split."""
    num_edited: int
    """Places in the sources whose row is kept in both with another text."""
    samples: list[RowOfTwo] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def difference_of(first: Subject, second: Subject, *, num_samples: int, seed: int) -> Difference:
    """
    Args:
        first: As it was.
        second: As it is.
        num_samples: Rows that are shown of each of the most frequent changes.
        seed: Other ones for another seed.
    """
    states = _States()
    counts: Counter[tuple[int, int]] = Counter()
    chosen: dict[tuple[int, int], Smallest] = {}
    num_shares = max(1, -(-max(_num_rows(first), _num_rows(second)) // IDS_AT_ONCE))
    for share in range(num_shares):
        ids, before, after = _joined(
            _in_share(first, states, share, num_shares), _in_share(second, states, share, num_shares)
        )
        pairs, place_of = np.unique(np.stack([before, after]), axis=1, return_inverse=True)
        for number, (old, new) in enumerate(pairs.T.tolist()):
            its_ids = ids[place_of.reshape(-1) == number]
            counts[old, new] += len(its_ids)
            if old != new:
                smallest = chosen.setdefault((old, new), Smallest(num_samples, seed))
                smallest.add(its_ids, partial(_row, its_ids, states.names[old], states.names[new]))
    kept = range(1, 1 + len(SPLITS))
    changed = [(pair, count) for pair, count in counts.most_common() if pair[0] != pair[1]]
    samples = [row for pair, _ in changed[:12] for row in chosen[pair].items()]
    return Difference(
        names=(first.name, second.name),
        ids=(first.id, second.id),
        settings=_settings(first, second),
        numbers=_both(_numbers(first.facts), _numbers(second.facts)),
        transitions=[(states.names[old], states.names[new], count) for (old, new), count in changed],
        num_same=sum(count for (old, new), count in counts.items() if old == new and old in kept),
        num_added=sum(count for (old, new), count in counts.items() if old not in kept and new in kept),
        num_removed=sum(count for (old, new), count in counts.items() if old in kept and new not in kept),
        num_moved=sum(count for (old, new), count in counts.items() if old in kept and new in kept and old != new),
        num_edited=_num_edited(first, second, num_shares),
        samples=_with_texts(samples, first, second),
    )


class _States:
    """What may become of a row, as a number: 0 is absent, then the splits, then reasons as they are found."""

    def __init__(self) -> None:
        self._codes = {name: number for number, name in enumerate((ABSENT, *SPLITS))}

    @property
    def names(self) -> list[str]:
        return list(self._codes)

    def of_reasons(self, reasons: pa.Array) -> npt.NDArray[np.int32]:
        encoded = collapsed(reasons).dictionary_encode()
        own = [self._codes.setdefault(f"left out: {name}", len(self._codes)) for name in encoded.dictionary.to_pylist()]
        return np.asarray(np.array(own, np.int32)[encoded.indices.to_numpy(zero_copy_only=False)], np.int32)


def _num_rows(subject: Subject) -> int:
    paths = [path for split in SPLITS for path in split_files(subject, split)]
    num_kept = sum(int(pq.read_metadata(path).num_rows) for path in paths)
    return num_kept + sum(int(batch.num_rows) for batch in dropped_rows(subject))


def _kept(subject: Subject, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Number of the state, and some rows."""
    for number, split in enumerate(SPLITS):
        for path in split_files(subject, split):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=columns):
                    yield 1 + number, batch


def _in_share(
    subject: Subject, states: _States, share: int, num_shares: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Ids, ascending and each once, of which this is the share, and what became of them; kept before left out."""
    all_ids, all_states = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]

    def add(ids: npt.NDArray[np.uint64], codes: npt.NDArray[np.int32]) -> None:
        mine = (ids % np.uint64(num_shares) == np.uint64(share)) & (ids != NO_ID)
        all_ids.append(ids[mine])
        all_states.append(codes[mine])

    for state, batch in _kept(subject, ["id"]):
        add(ids_of(batch.column("id")), np.full(batch.num_rows, state, np.int32))
    for batch in dropped_rows(subject):
        add(ids_of(batch.column("id")), states.of_reasons(batch.column("reason")))
    ids, first = np.unique(np.concatenate(all_ids), return_index=True)
    return ids, np.concatenate(all_states)[first]


def _joined(
    before: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]],
    after: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """All ids, and what became of each before and after; 0 for what is absent."""
    ids = np.union1d(before[0], after[0])
    states = []
    for its_ids, its_states in (before, after):
        found = np.zeros(len(ids), np.int32)
        found[np.searchsorted(ids, its_ids)] = its_states
        states.append(found)
    return ids, states[0], states[1]


def _num_edited(first: Subject, second: Subject, num_shares: int) -> int:
    """By source and row."""
    total = 0
    for share in range(num_shares):
        (places, ids), (other_places, other_ids) = (_places(each, share, num_shares) for each in (first, second))
        _, mine, theirs = np.intersect1d(places, other_places, assume_unique=True, return_indices=True)
        total += int((ids[mine] != other_ids[theirs]).sum())
    return total


def _places(subject: Subject, share: int, num_shares: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """A hash of source and row of each row that stays, and its id."""
    all_places, all_ids = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for _, batch in _kept(subject, ["id", "source", "row"]):
        encoded = batch.column("source").dictionary_encode()
        own = [int.from_bytes(key_of(source)[:8], "little") for source in encoded.dictionary.to_pylist()]
        hashes = np.array(own, np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]
        places = hashes + batch.column("row").to_numpy(zero_copy_only=False).astype(np.uint64)
        mine = places % np.uint64(num_shares) == np.uint64(share)
        all_places.append(places[mine])
        all_ids.append(ids_of(batch.column("id"))[mine])
    places, at = np.unique(np.concatenate(all_places), return_index=True)
    return places, np.concatenate(all_ids)[at]


def _row(ids: npt.NDArray[np.uint64], before: str, after: str, place: int) -> RowOfTwo:
    return RowOfTwo(f"{int(ids[place]):016x}", before, after)


def _with_texts(rows: list[RowOfTwo], first: Subject, second: Subject) -> list[RowOfTwo]:
    wanted = pa.array([row.id for row in rows], pa.string())
    found: dict[str, tuple[str, str]] = {}
    for subject in (first, second) if rows else ():
        kept = (batch for split in SPLITS for batch in text_batches(subject, split))
        for batch in chain(dropped_rows(subject), kept):
            wanted_rows = batch.select(["id", "text", "source"]).filter(pc.is_in(batch.column("id"), wanted))
            for row in wanted_rows.to_pylist():
                found[row["id"]] = ((row["text"] or "")[:TEXT_CHARACTERS], row["source"])
    return [replace(row, text=found[row.id][0], source=found[row.id][1]) if row.id in found else row for row in rows]


def _settings(first: Subject, second: Subject) -> dict[str, tuple[Any, Any]]:
    before, after = (_flat(each.config.model_dump(mode="json")) if each.config else {} for each in (first, second))
    sources = {"sources": (first.sources, second.sources)} if first.sources != second.sources else {}
    return sources | {name: pair for name, pair in _both(before, after).items() if pair[0] != pair[1]}


def _flat(content: Any, path: str = "") -> dict[str, Any]:
    """Mappings inside mappings as paths with dots."""
    if not isinstance(content, dict):
        return {path: content}
    found: dict[str, Any] = {}
    for name, value in content.items():
        if path or name not in ("do", "from_", "from", "processes"):
            found |= _flat(value, f"{path}.{name}" if path else str(name))
    return found


def _numbers(facts: dict[str, Any]) -> dict[str, Any]:
    flat = _flat({name: fact for name, fact in facts.items() if name != "dropped_by_reason"})
    return {name: value for name, value in flat.items() if isinstance(value, int | float)}


def _both(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])}
