"""The rows that documents are held against, and the index of them, which each process makes once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.stage import Input, Source, StageContext
from danlu.corpus.decontamination.config import DecontaminateConfig
from danlu.corpus.documents.formatted import formatted_texts
from danlu.corpus.documents.texts import texts_of
from danlu.corpus.files import SourceFile, list_files
from danlu.corpus.item import id_of_text
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import ROWS, piece_of, rows_of
from danlu.errors import UserError
from danlu.overlap.fuzzy import FuzzyIndex
from danlu.overlap.index import RowIndex
from danlu.overlap.rows import PARTS, TextRow, text_rows
from danlu.telemetry.reporter import Reporter


@dataclass(frozen=True)
class Where:
    """Where held-out rows are: a part of an artifact, or a file."""

    name: str
    """For people."""
    path: Path
    kind: str | None
    """Of the artifact; None for a file."""
    part: str = ""


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows, to be looked for."""

    rows: list[TextRow]
    index: RowIndex
    fuzzy: FuzzyIndex | None


def where_of(inputs: Sequence[Input], files: Sequence[Source]) -> tuple[Where, ...]:
    """What the settings name, in their order."""
    found = [
        Where(each.name, each.path, each.kind, part)
        for each in inputs
        for part in ((each.part,) if each.part else PARTS)
    ]
    listed = [file for source in files for file in list_files(source)]
    return (*found, *(Where(file.uri, file.path, None) for file in listed))


def held_out(places: tuple[Where, ...], config: DecontaminateConfig) -> HeldOut:
    """The rows of all places.

    Raises:
        UserError: there are none, or a file cannot be read.
    """
    return _held_out(places, config.ngram, config.fuzzy is not None)


def places_held_out(config: DecontaminateConfig | None, context: StageContext) -> tuple[Where, ...]:
    """Where the rows are that a stage's settings name; says how many are looked for, and how many cannot be."""
    if config is None:
        return ()
    inputs, files = context.inputs.get("decontaminate.against"), context.sources.get("decontaminate.files")
    places = where_of(inputs or (), files or ())
    _tell(places, config, context.reporter)
    return places


def _tell(places: tuple[Where, ...], config: DecontaminateConfig, reporter: Reporter) -> None:
    found = held_out(places, config)
    names = ", ".join(dict.fromkeys(each.where for each in found.rows))
    reporter.say(f"decontaminate: {len(found.rows):,} held-out rows of {names} are looked for.")
    unknown = int(np.count_nonzero(found.index.num_grams == 0))
    if unknown:
        reporter.warn(
            f"decontaminate: {unknown:,} of {len(found.rows):,} held-out rows are not looked for: they are shorter than"
            " four words or characters, or share all they have with more than ten others."
        )


@lru_cache(maxsize=1)
def _held_out(places: tuple[Where, ...], ngram: int, is_fuzzy: bool) -> HeldOut:
    rows = [row for place in places for row in (_in_file(place) if place.kind is None else _in_artifact(place))]
    if not rows:
        raise UserError(
            f"decontaminate: there is no held-out row in {', '.join(place.name for place in places)}.",
            "Name a part that has rows, for example against: [exam.train].",
        )
    texts = [row.text for row in rows]
    return HeldOut(rows, RowIndex(texts, ngram), FuzzyIndex(texts) if is_fuzzy else None)


def _in_artifact(place: Where) -> Iterator[TextRow]:
    assert place.kind is not None
    return text_rows(place.path, place.kind, place.part, place.name)


def _in_file(place: Where) -> Iterator[TextRow]:
    piece = piece_of(SourceFile(place.path, place.name, None))
    if piece.kind in ROWS:
        texts: Iterator[Any] = ("\n".join(_strings(row)) for row in rows_of(piece) if not isinstance(row, Unreadable))
    else:
        texts = texts_of(piece, "paragraphs") if piece.kind == "text" else formatted_texts(piece)
    for text in texts:
        if isinstance(text, str) and text.strip():
            yield TextRow(id_of_text(text), text, place.name)


def _strings(value: Any) -> Iterator[str]:
    """All text in a row, in its order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
