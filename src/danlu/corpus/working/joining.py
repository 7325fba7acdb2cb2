"""From the parts to the artifact: what stays is written in the order of the sources, all else with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from danlu.artifacts.cuts import NAME as CUTS
from danlu.artifacts.dropped import DROPPED_SCHEMA, DroppedWriter
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.tags import PLACE_SCHEMA, TagsWriter
from danlu.corpus.dropped import CUT_AWAY, IN_ANOTHER, REPETITIONS, beginning_of
from danlu.corpus.splitting.sides import Sides
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.part_files import TAG_PLACE_SCHEMA
from danlu.corpus.working.repeated_items import Repetitions


class Outlet(Protocol):
    """Where items go that stay."""

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Columns of the artifact."""
        ...


def join(
    parts: AllParts,
    left_out: Repetitions,
    sides: Sides,
    shown: Callable[[int], str],
    schema: pa.Schema,
    outlet: Outlet,
    dropped: DroppedWriter,
    tags: TagsWriter,
) -> Counter[str]:
    """Write all items.

    Args:
        parts: All of them.
        left_out: Items that do not stay.
        sides: Of all items.
        shown: By an item's number, its text for people.
        schema: Of the artifact.
        outlet: Is given items that stay.
        dropped: Is given the others, and rows that did not become items.
        tags: Is given what was counted of rows that were judged.

    Returns:
        How many of the items are left out, by reason.
    """
    counts: Counter[str] = Counter()
    start = parts.num_earlier
    for number, files in enumerate(parts.files):
        splits: list[str] = []
        reasons: dict[int, str] = {}
        first = start
        for batch in files.left():
            dropped.write(_with_true_rows(batch, parts.offsets[number]))
        for batch in files.batches():
            batch = _with_true_rows(batch, parts.offsets[number])
            gone = left_out.between(start, start + batch.num_rows)
            stays = np.ones(batch.num_rows, np.bool_)
            stays[left_out.rows[gone] - start] = False
            for split, kept in _by_side(batch, stays, sides[start : start + batch.num_rows]):
                outlet.write(split, kept.select(schema.names))
            records = [_record(parts, left_out, place, shown) for place in range(gone.start, gone.stop)]
            dropped.write(pa.RecordBatch.from_pylist(records, DROPPED_SCHEMA))
            splits += [SPLITS[side] for side in sides[start : start + batch.num_rows]]
            rows = (left_out.rows[gone] - first).tolist()
            reasons.update(zip(rows, (str(record["reason"]) for record in records), strict=True))
            counts.update(REPETITIONS[reason] for reason in left_out.reasons[gone].tolist())
            start += batch.num_rows
        for batch in files.tags():
            tags.write(_with_reasons(_with_true_rows(batch, parts.offsets[number]), splits, reasons))
    return counts


def _by_side(batch: pa.RecordBatch, stays: npt.NDArray[np.bool_], sides: Sides) -> Iterator[tuple[str, pa.RecordBatch]]:
    for side, split in enumerate(SPLITS):
        mask = stays & (sides == side)
        if mask.all():
            yield split, batch
        elif mask.any():
            yield split, batch.filter(pa.array(mask))


def _with_true_rows(batch: pa.RecordBatch, offsets: dict[str, int]) -> pa.RecordBatch:
    """Numbers of rows counted from the beginning of the file."""
    rows = batch.column("row")
    for source, offset in offsets.items():
        if offset:
            is_its = pc.equal(batch.column("source"), source)
            rows = pc.if_else(is_its, pc.add(rows, pa.scalar(offset, rows.type)), rows)
    return batch.set_column(batch.schema.get_field_index("row"), "row", rows)


def _with_reasons(batch: pa.RecordBatch, splits: list[str], reasons: dict[int, str]) -> pa.RecordBatch:
    """Tags with their columns as the artifact has them.

    Args:
        batch: As a part has them.
        splits: Of all items of the part.
        reasons: By their numbers, of the items that do not stay.
    """
    items = batch.column("item").to_pylist()
    all_reasons = [
        reason or reasons.get(item) for item, reason in zip(items, batch.column("reason").to_pylist(), strict=True)
    ]
    its_splits = [None if reason else splits[item] for item, reason in zip(items, all_reasons, strict=True)]
    known = {"split": its_splits, "reason": all_reasons}
    places = [
        pa.array(known[field.name], field.type) if field.name in known else batch.column(field.name)
        for field in PLACE_SCHEMA
    ]
    names = batch.schema.names[len(TAG_PLACE_SCHEMA) :]
    return pa.RecordBatch.from_arrays([*places, *(batch.column(name) for name in names)], [*PLACE_SCHEMA.names, *names])


def _record(parts: AllParts, left_out: Repetitions, place: int, shown: Callable[[int], str]) -> dict[str, object]:
    row, first = int(left_out.rows[place]), int(left_out.firsts[place])
    similarity = float(left_out.similarities[place])
    reason = REPETITIONS[left_out.reasons[place]].removesuffix(IN_ANOTHER)
    where = parts.artifact_of(first)
    if reason == CUT_AWAY:
        reason = f"{reason} (see {CUTS})"
    elif math.isnan(similarity):
        where = where or f"{parts.value(first, 'source')}, {parts.true_row(first)}"
        reason += f" of {parts.value(first, 'id')} ({where})"
    else:
        where = f"{where}, " if where else ""
        reason += f" of {parts.value(first, 'id')} ({where}{similarity:.2f})"
    return {
        "id": parts.value(row, "id"),
        "source": parts.value(row, "source"),
        "row": parts.true_row(row),
        "reason": reason,
        "text": beginning_of(shown(row)),
    }
