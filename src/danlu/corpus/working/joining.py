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

from danlu.artifacts.dropped import DROPPED_SCHEMA, DroppedWriter
from danlu.artifacts.splits import SPLITS
from danlu.corpus.dropped import EXACT, NEAR, beginning_of
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.repetitions import Repetitions


class Outlet(Protocol):
    """Where items go that stay."""

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Columns of the artifact."""
        ...


def join(
    parts: AllParts,
    left_out: Repetitions,
    shown: Callable[[int], str],
    schema: pa.Schema,
    outlet: Outlet,
    dropped: DroppedWriter,
) -> Counter[str]:
    """Write all items.

    Args:
        parts: All of them.
        left_out: Items that do not stay.
        shown: By an item's number, its text for people.
        schema: Of the artifact.
        outlet: Is given items that stay.
        dropped: Is given the others, and rows that did not become items.

    Returns:
        How many of the items are left out, by reason.
    """
    counts: Counter[str] = Counter()
    start = 0
    for number, files in enumerate(parts.files):
        for batch in files.left():
            dropped.write(_with_true_rows(batch, parts.offsets[number]))
        for batch in files.batches():
            batch = _with_true_rows(batch, parts.offsets[number])
            gone = left_out.between(start, start + batch.num_rows)
            stays = np.ones(batch.num_rows, np.bool_)
            stays[left_out.rows[gone] - start] = False
            for split, kept in _by_side(batch, stays):
                outlet.write(split, kept.select(schema.names))
            records = [_record(parts, left_out, place, shown) for place in range(gone.start, gone.stop)]
            dropped.write(pa.RecordBatch.from_pylist(records, DROPPED_SCHEMA))
            is_exact = np.isnan(left_out.similarities[gone])
            counts.update({EXACT: int(is_exact.sum()), NEAR: int((~is_exact).sum())})
            start += batch.num_rows
    return +counts


def _by_side(batch: pa.RecordBatch, stays: npt.NDArray[np.bool_]) -> Iterator[tuple[str, pa.RecordBatch]]:
    sides = batch.column("side").to_numpy()
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


def _record(parts: AllParts, left_out: Repetitions, place: int, shown: Callable[[int], str]) -> dict[str, object]:
    row, first = int(left_out.rows[place]), int(left_out.firsts[place])
    similarity = float(left_out.similarities[place])
    its_id = parts.value(first, "id")
    if math.isnan(similarity):
        reason = f"{EXACT} of {its_id} ({parts.value(first, 'source')}, {parts.true_row(first)})"
    else:
        reason = f"{NEAR} of {its_id} ({similarity:.2f})"
    return {
        "id": parts.value(row, "id"),
        "source": parts.value(row, "source"),
        "row": parts.true_row(row),
        "reason": reason,
        "text": beginning_of(shown(row)),
    }
