"""From the parts to the artifact: what stays is written in the order of the sources, all else with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

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
from danlu.corpus.working.part_files import NO_ITEM, TAG_PLACE_SCHEMA
from danlu.corpus.working.repeated_items import Numbers, Repetitions
from danlu.corpus.working.writing import writing


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
    num_processes: int,
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
        num_processes: As many processors are used; files are written by threads if there are several.

    Returns:
        How many of the items are left out, by reason.
    """
    counts: Counter[str] = Counter()
    start = parts.num_earlier
    with writing(behind=num_processes > 1) as write, writing(behind=num_processes > 1) as write_beside:
        for number, files in enumerate(parts.files):
            offsets = parts.offsets[number]
            for batch in files.left():
                write_beside(dropped.write, _with_true_rows(batch, offsets))
            first, reasons = start, []
            for batch in files.batches():
                batch = _with_true_rows(batch, offsets)
                gone = left_out.between(start, start + batch.num_rows)
                stays = np.ones(batch.num_rows, np.bool_)
                stays[left_out.rows[gone] - start] = False
                for split, kept in _by_side(batch, stays, sides[start : start + batch.num_rows]):
                    write(outlet.write, split, kept.select(schema.names))
                records = [_record(parts, left_out, place, shown) for place in range(gone.start, gone.stop)]
                write_beside(dropped.write, pa.RecordBatch.from_pylist(records, DROPPED_SCHEMA))
                reasons += [record["reason"] for record in records]
                start += batch.num_rows
            gone = left_out.between(first, start)
            counts.update(REPETITIONS[reason] for reason in left_out.reasons[gone].tolist())
            for batch in files.tags():
                batch = _with_true_rows(batch, offsets)
                write_beside(tags.write, _with_fate(batch, sides[first:start], left_out.rows[gone] - first, reasons))
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


def _with_fate(batch: pa.RecordBatch, sides: Sides, gone: Numbers, reasons: list[str]) -> pa.RecordBatch:
    """Tags with their columns as the artifact has them: the split of what stays, the reason of what does not.

    Args:
        batch: As a part has them.
        sides: Of all items of the part.
        gone: Items of the part that do not stay, ascending.
        reasons: Theirs.
    """
    items = batch.column("item").to_numpy()
    places = np.searchsorted(gone, items)
    is_gone = np.append(gone, NO_ITEM - 1)[places] == items
    found = pa.array(reasons, pa.string()).take(pa.array(places, mask=~is_gone))
    reason = pc.coalesce(batch.column("reason"), found)
    stays = pc.is_null(reason).to_numpy(zero_copy_only=False)
    split = pa.array(SPLITS, pa.string()).take(pa.array(np.append(sides, 0)[items], mask=~stays))
    columns = {"split": split, "reason": reason}
    names = [*PLACE_SCHEMA.names, *batch.schema.names[len(TAG_PLACE_SCHEMA) :]]
    return pa.RecordBatch.from_arrays(
        [columns[name] if name in columns else batch.column(name) for name in names], names
    )


def _record(parts: AllParts, left_out: Repetitions, place: int, shown: Callable[[int], str]) -> dict[str, Any]:
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
