"""From the parts to the artifact: what stays is written in the order of the sources, all else with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
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
from danlu.corpus.working.named_items import Name, NamedItems
from danlu.corpus.working.part_files import NO_ITEM, TAG_PLACE_SCHEMA
from danlu.corpus.working.repeated_items import Numbers, Repetitions
from danlu.corpus.working.work import Maker
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
    maker: Maker,
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
        maker: Made the items.
        outlet: Is given items that stay.
        dropped: Is given the others, and rows that did not become items.
        tags: Is given what was counted of rows that were judged.
        num_processes: As many processors are used; files are written by threads if there are several.

    Returns:
        How many of the items are left out, by reason.
    """
    counts: Counter[str] = Counter()
    start = parts.num_earlier
    firsts = NamedItems(parts, left_out.firsts)
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
                    write(outlet.write, split, kept.select(maker.schema.names))
                its_reasons = _reasons(left_out, gone, firsts)
                write_beside(dropped.write, _records(batch, left_out.rows[gone] - start, its_reasons, maker))
                reasons += its_reasons
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


def _reasons(left_out: Repetitions, gone: slice, firsts: NamedItems) -> list[str]:
    names = [firsts[first] for first in left_out.firsts[gone].tolist()]
    return [*map(_reason, left_out.reasons[gone].tolist(), left_out.similarities[gone].tolist(), names)]


def _reason(number: int, similarity: float, first: Name) -> str:
    """Why an item does not stay, and what it repeats."""
    reason = REPETITIONS[number].removesuffix(IN_ANOTHER)
    if reason == CUT_AWAY:
        return f"{reason} (see {CUTS})"
    if math.isnan(similarity):
        return f"{reason} of {first.id} ({first.artifact or f'{first.source}, {first.row}'})"
    where = f"{first.artifact}, " if first.artifact else ""
    return f"{reason} of {first.id} ({where}{similarity:.2f})"


def _records(batch: pa.RecordBatch, rows: Numbers, reasons: list[str], maker: Maker) -> pa.RecordBatch:
    """Some rows of a batch as they are listed where they are left out."""
    gone = batch.take(pa.array(rows))
    texts = [beginning_of(maker.shown(body)) for body in gone.column(maker.body).to_pylist()]
    columns = {"reason": pa.array(reasons, pa.string()), "text": pa.array(texts, pa.string())}
    return pa.RecordBatch.from_arrays(
        [columns[name] if name in columns else gone.column(name) for name in DROPPED_SCHEMA.names],
        schema=DROPPED_SCHEMA,
    )
