"""A part once more, without what is cut out of its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from danlu.corpus.config import CleanConfig
from danlu.corpus.cutting.applying import without
from danlu.corpus.cutting.portion import Portion
from danlu.corpus.cutting.records import KINDS, Records, character_of, item_of
from danlu.corpus.documents.document import Document, comparable_of
from danlu.corpus.dropped import beginning_of
from danlu.corpus.item import normalise
from danlu.corpus.splitting.sides import position_of
from danlu.corpus.working.keys import SIGNATURE, signature_column
from danlu.corpus.working.part_files import LEFT_OUT, NO_ITEM, PartFiles, PartWriter

CUTS_SCHEMA = pa.schema(
    [
        ("item", pa.int64()),  # number among those of all parts
        ("id_before", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("kind", pa.string()),
        ("first_item", pa.int64()),
        ("first_start", pa.int64()),
        ("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class RewritingTask:
    """A part whose texts are to be cut."""

    portion: Portion
    config: CleanConfig
    directory: Path
    """Where the result goes: a part's directory with the same items under the same numbers."""

    @property
    def num_bytes(self) -> int:
        return self.portion.part.num_bytes


def rewrite(task: RewritingTask) -> None:
    """Do it. Everything that follows from a text is made anew: id, key, position for the split, signature."""
    files = PartFiles(task.portion.directory)
    fields = [*files.schema, LEFT_OUT, *([SIGNATURE] if task.config.wants_signatures else [])]
    new_ids: list[str] = []
    with PartWriter(task.directory, pa.schema(fields)) as writer:
        writer.notes = files.notes
        for left in files.left():
            writer.write_left(left.to_pylist())
        for finds in files.finds():
            writer.write_finds(pa.Table.from_batches([finds]))
        bounds, cuts = task.portion.bounds(), task.portion.cuts()
        first = task.portion.first
        for batch in files.batches():
            rewritten = _Batch(batch, first, task.portion.gone(first, batch.num_rows), task.config)
            rewritten.cut(bounds)
            writer.write_items(rewritten.as_batch())
            its_cuts = cuts[slice(*np.searchsorted(item_of(cuts["place"]), [first, first + batch.num_rows]))]
            writer.write_cuts(_audit(its_cuts, batch, first))
            new_ids += rewritten.ids
            first += batch.num_rows
        for tags in files.tags():
            items, ids = tags.column("item").to_pylist(), tags.column("id").to_pylist()
            named = [old if item == NO_ITEM else new_ids[item] for item, old in zip(items, ids, strict=True)]
            writer.write_tags(tags.set_column(0, "id", pa.array(named, pa.string())))


class _Batch:
    """Items some of whose texts change."""

    def __init__(self, batch: pa.RecordBatch, first: int, gone: Sequence[bool], config: CleanConfig) -> None:
        self._batch = batch
        self._first = first
        self._config = config
        self._texts: list[str] = batch.column("text").to_pylist()
        self.ids: list[str] = batch.column("id").to_pylist()
        self._positions = batch.column("position").to_numpy().copy()
        self._left_out = np.zeros(batch.num_rows, np.bool_)
        keys = [batch.column(name).to_numpy() for name in ("key_high", "key_low")]
        self._keys = np.stack(keys, axis=1)
        for place, is_gone in enumerate(gone):
            if is_gone:
                self._leave_out(place)

    def cut(self, bounds: dict[int, list[tuple[int, int]]]) -> None:
        """Take out what lies between bounds, by the item's number."""
        shortest = max(1, self._config.min_characters)
        for place, text in enumerate(self._texts):
            its_bounds = bounds.get(self._first + place)
            if not its_bounds:
                continue
            left = without(text, its_bounds)
            if len(left) < shortest:
                self._leave_out(place)
                continue
            document = Document.of(left)
            self._texts[place], self.ids[place] = left, document.id
            self._keys[place] = np.frombuffer(document.key, np.uint64)
            if self._config.split.group is None:
                self._positions[place] = position_of(self._config.split.seed, document.normalised)

    def _leave_out(self, place: int) -> None:
        self._left_out[place] = True
        self._keys[place] = self._first + place, 2**64 - 1  # nobody's, so that nothing repeats it

    def as_batch(self) -> pa.RecordBatch:
        changed: dict[str, Any] = {
            "text": self._texts,
            "id": self.ids,
            "position": self._positions,
            "key_high": self._keys[:, 0],
            "key_low": self._keys[:, 1],
        }
        batch = self._batch
        for name, values in changed.items():
            number = batch.schema.get_field_index(name)
            batch = batch.set_column(
                number, batch.schema.field(number), pa.array(values, batch.schema.field(number).type)
            )
        batch = batch.append_column(LEFT_OUT, pa.array(self._left_out))
        if not self._config.wants_signatures:
            return batch
        comparable = [comparable_of(normalise(text)) for text in self._texts]
        return batch.append_column(SIGNATURE, signature_column(comparable))


def _audit(cuts: Records, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    """What is cut out of a batch's texts, columns `CUTS_SCHEMA`."""
    items, starts = item_of(cuts["place"]), character_of(cuts["place"])
    texts, ids = batch.column("text").to_pylist(), batch.column("id").to_pylist()
    ends = starts + cuts["length"]
    columns = [
        items,
        [ids[item - first] for item in items.tolist()],
        starts,
        ends,
        [KINDS[kind] for kind in cuts["kind"].tolist()],
        item_of(cuts["first"]),
        character_of(cuts["first"]),
        [
            beginning_of(texts[item - first][start:end])
            for item, start, end in zip(items.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ],
    ]
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, CUTS_SCHEMA, strict=True)], schema=CUTS_SCHEMA
    )
