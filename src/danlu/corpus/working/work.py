"""The work on one part: rows are read, become items or are left out, and are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from danlu.artifacts.stage import Input
from danlu.corpus.config import CleanConfig
from danlu.corpus.dropped import beginning_of, left_out_record
from danlu.corpus.files import BadFileError
from danlu.corpus.item import Item
from danlu.corpus.parts import Part
from danlu.corpus.personal_texts import PersonalTexts
from danlu.corpus.reading.table import Piece
from danlu.corpus.splitting.marking import Mark
from danlu.corpus.splitting.sides import position_of
from danlu.corpus.working.finished import Finished
from danlu.corpus.working.keys import key_columns, key_fields
from danlu.corpus.working.left_out import LeftOut
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.part_files import NO_ITEM, SPLIT_FIELDS, TAG_PLACE_SCHEMA, PartWriter

ITEMS_AT_ONCE = 4096
CHARACTERS_AT_ONCE = 2**21


class Maker(Protocol):
    """What makes items of rows, by the settings of the stage."""

    schema: pa.Schema
    """Of the artifact."""
    body: str
    """The column with what an item says."""
    personal: PersonalTexts | None
    """What keeps out who somebody is, if that was asked for."""

    def judge(self, piece: Piece) -> str:
        """How a file is to be read, from its beginning; the same for all its pieces.

        Raises:
            BadFileError: it cannot be.
        """
        ...

    def read(self, piece: Piece, how: str, notes: Notes) -> Iterator[Any]:
        """A draft of an item, or a `LeftOut`, for each row of a piece, in order; None for what is no row, and has a
        number.

        Args:
            piece: What is read.
            how: What was judged of its file.
            notes: Counts are added.

        Raises:
            BadFileError: it cannot be read from here on.
        """
        ...

    def finish(self, drafts: Sequence[Any], notes: Notes) -> Finished:
        """What comes of some drafts: their texts are worked on together, which is faster."""
        ...

    def shown(self, body: Any) -> str:
        """The text of an item for people."""
        ...

    def comparable(self, body: Any) -> str:
        """What near duplicates have nearly in common."""
        ...


Inputs = Mapping[str, Sequence[Input]]
"""What stands behind the references of a stage, by setting."""


@dataclass(frozen=True)
class Task:
    """A part, and what is to be done to it."""

    part: Part
    how: tuple[str, ...]
    """Of each piece, what was judged of its file."""
    config: CleanConfig
    inputs: Inputs
    maker: Callable[[CleanConfig, Inputs], Maker]
    directory: Path
    """Where the result goes."""

    @property
    def num_bytes(self) -> int:
        return self.part.num_bytes


def work(task: Task) -> None:
    """Do it."""
    maker = task.maker(task.config, task.inputs)
    fields = [*maker.schema, *SPLIT_FIELDS, *key_fields(near=_wants_signatures(task.config))]
    with PartWriter(task.directory, pa.schema(fields)) as writer:
        pending = _Pending(writer, maker, task.config)
        for piece, how in zip(task.part.pieces, task.how, strict=True):
            number = -1
            try:
                for number, draft in enumerate(maker.read(piece, how, writer.notes)):
                    if isinstance(draft, LeftOut):
                        pending.leave_out(draft, piece.file.uri, number)
                    elif draft is not None:
                        pending.add(draft, piece.file.uri, number)
            except BadFileError as error:
                problem = {"name": error.name, "reason": error.reason, "hint": error.hint, "place": error.place}
                writer.notes.bad_files.append(problem)
            writer.notes.num_rows.append(number + 1)
        pending.flush()


def _wants_signatures(config: CleanConfig) -> bool:
    """Now, and not when texts have been cut."""
    return config.wants_signatures and not config.deduplicate.cuts_texts


class Draft(Protocol):
    """What an item is made of."""

    @property
    def mark(self) -> Mark:
        """What decides on its side, apart from what it says."""
        ...

    @property
    def num_characters(self) -> int: ...


class _Pending:
    """Drafts and rows on their way into a part's files."""

    def __init__(self, writer: PartWriter, maker: Maker, config: CleanConfig) -> None:
        self._writer = writer
        self._maker = maker
        self._config = config
        self._drafts: list[Draft] = []
        self._places: list[tuple[str, int]] = []
        """Source and row of each draft."""
        self._left: list[dict[str, Any]] = []
        self._num_characters = 0

    def add(self, draft: Draft, source: str, row: int) -> None:
        self._drafts.append(draft)
        self._places.append((source, row))
        self._num_characters += draft.num_characters
        if len(self._drafts) >= ITEMS_AT_ONCE or self._num_characters >= CHARACTERS_AT_ONCE:
            self.flush()

    def leave_out(self, left: LeftOut, source: str, row: int) -> None:
        self._left.append(left_out_record(left.content, left.id, source, row, left.whole_reason))
        self._writer.notes.left_out[left.reason] += 1
        if len(self._left) >= ITEMS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        drafts, places = self._drafts, self._places
        self._drafts, self._places, self._num_characters = [], [], 0
        items, kept, marks = [], [], []
        finished = self._maker.finish(drafts, self._writer.notes)
        if self._maker.personal:
            self._writer.write_finds(self._maker.personal.take_finds())
        if finished.judged:
            self._writer.write_tags(self._tags(finished, places))
        for item, place, draft in zip(finished.items, places, drafts, strict=True):
            if isinstance(item, LeftOut):
                self.leave_out(item, *place)
            else:
                items.append(item)
                kept.append(place)
                marks.append(draft.mark)
        if items:
            self._writer.write_items(self._batch(items, kept, marks))
        if self._left:
            self._writer.write_left(self._shown(self._left))
            self._left = []

    def _shown(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As they may be kept: what is left out does not say who somebody is either. What has an id is treated."""
        as_read = [record for record in records if not record["id"]]
        if self._maker.personal and as_read:
            texts = self._maker.personal.treat([record["text"] for record in as_read])
            for record, text in zip(as_read, texts, strict=True):
                record["text"] = text
        return [{**record, "text": beginning_of(record["text"])} for record in records]

    def _tags(self, finished: Finished, places: list[tuple[str, int]]) -> pa.RecordBatch:
        """Tags, and whose they are; of those that are items, the number in the part."""
        stays = np.array([not isinstance(item, LeftOut) for item in finished.items])
        numbers = np.where(stays, self._writer.num_items + np.cumsum(stays) - 1, NO_ITEM)
        judged = [finished.items[place] for place in finished.judged]
        columns = [
            [item.id for item in judged],
            [places[place][0] for place in finished.judged],
            [places[place][1] for place in finished.judged],
            [item.whole_reason if isinstance(item, LeftOut) else None for item in judged],
            numbers[list(finished.judged)],
        ]
        fixed = [pa.array(values, field.type) for values, field in zip(columns, TAG_PLACE_SCHEMA, strict=True)]
        tags = {
            name: pa.array(values, pa.string() if isinstance(values, list) else pa.float64(), from_pandas=True)
            for name, values in finished.tags.items()
        }
        return pa.RecordBatch.from_arrays([*fixed, *tags.values()], [*TAG_PLACE_SCHEMA.names, *tags])

    def _batch(self, items: list[Item], places: list[tuple[str, int]], marks: list[Mark]) -> pa.RecordBatch:
        known: dict[str, Sequence[Any]] = {
            "source": [source for source, _ in places],
            "row": [row for _, row in places],
        }
        columns = {
            field.name: pa.array(known.get(field.name) or [getattr(item, field.name) for item in items], field.type)
            for field in self._maker.schema
        }
        decisive = (mark.group or item.normalised for item, mark in zip(items, marks, strict=True))
        columns["position"] = pa.array([position_of(self._config.split.seed, text) for text in decisive], pa.uint64())
        columns["stratum"] = pa.array([mark.stratum for mark in marks], pa.string())
        columns["moment"] = pa.array([mark.moment for mark in marks], pa.float64())
        columns |= key_columns(items, near=_wants_signatures(self._config))
        return pa.RecordBatch.from_pydict(columns)
