"""One row of a source once more: as it stands there, where, and what the settings made of it before it was judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.making import ExampleMaker
from danlu.corpus.documents.making import DocumentMaker
from danlu.corpus.files import SourceFile
from danlu.corpus.reading.places import Place, place_of
from danlu.corpus.reading.table import piece_of
from danlu.corpus.working.left_out import LeftOut
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.work import Inputs, Maker
from danlu.errors import UserError

MAKERS: dict[str, Callable[[CleanConfig, Inputs], Maker]] = {"corpus": DocumentMaker, "examples": ExampleMaker}
READING = ("into", "from", "format", "columns", "documents", "text", "label", "score")
"""Settings that say how a row is read."""
WRITING = ("system", "chinese", "replace")
"""Settings that change its text; what judges it, and what treats who somebody is, come later."""


@dataclass(frozen=True)
class RowAgain:
    """A row as it was read, on its way to what was kept of it."""

    place: Place
    read: str
    """Its text as it was read."""
    written: str
    """The same after `WRITING`."""


def read_again(config: CleanConfig, file: SourceFile, row: int) -> RowAgain | None:
    """A row of a file that is as it was; None if there is none with this number, or it is left out as it stands.

    Args:
        config: The stage's settings.
        file: That holds it.
        row: Its number, from 0.

    Raises:
        UserError: the file cannot be read any more.
    """
    piece = piece_of(file)
    settings = config.model_dump(mode="json", by_alias=True)
    settings["into"] = config.into
    plain = _maker(settings, READING)
    how = plain.judge(piece)
    read = _text(plain, next(islice(plain.read(piece, how, Notes()), row, None), None))
    changing = _maker(settings, (*READING, *WRITING))
    written = _text(changing, next(islice(changing.read(piece, how, Notes()), row, None), None))
    place = place_of(piece, row, config.documents)
    return None if read is None or written is None or place is None else RowAgain(place, read, written)


def _maker(settings: dict[str, Any], names: tuple[str, ...]) -> Maker:
    config = CleanConfig.model_validate({name: settings[name] for name in names if name in settings})
    return MAKERS[config.into](config, {})


def _text(maker: Maker, draft: Any) -> str | None:
    """Of what a maker makes of a draft."""
    if draft is None or isinstance(draft, LeftOut):
        return None
    try:
        (item,) = maker.finish([draft], Notes()).items
    except UserError:
        return None
    return None if isinstance(item, LeftOut) else maker.shown(getattr(item, maker.body))
