"""What decides on the side of a row, read from the row or from the file it stands in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from danlu.corpus.documents.labelling import labeller
from danlu.corpus.documents.template import MissingTextError, columns_of, renderer
from danlu.corpus.files import SourceFile
from danlu.corpus.item import normalise
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.splitting.config import FILE_GROUPS, LABEL, PROMPT, SplitConfig
from danlu.corpus.splitting.moments import moment_of


@dataclass(frozen=True, slots=True)
class Mark:
    """Of one row; each is None unless it is asked for."""

    group: str | None = None
    """What it belongs to."""
    stratum: str | None = None
    """The class within which shares are held."""
    moment: float | None = None
    """When it is from, in seconds since 1970."""


NO_MARK = Mark()
Marker = Callable[[Any], Mark]
"""A row, or a text of a text file -> its mark; raises `MissingTextError`."""


def marker(config: SplitConfig, label: str | dict[str, str] | None, file: SourceFile) -> Marker:
    """What marks the rows of one file.

    Args:
        config: What is asked for.
        label: The setting of that name.
        file: Where the rows stand.

    Raises:
        BadFileError: no pattern fits the file.
        UserError: several do.
    """
    has_group = config.group not in (None, PROMPT)  # what a conversation begins with is not told from its row
    if not has_group and config.time is None and config.stratified is None:
        return lambda row: NO_MARK
    group = _of_group(config.group if has_group else None, file)
    stratum = labeller(label if config.stratified == LABEL else config.stratified, file)
    moment = _of_time(config.time)

    def mark(row: Any) -> Mark:
        return Mark(
            _told("group", group, row) if has_group else None,
            _told("class", stratum, row) if config.stratified is not None else None,
            moment(row) if config.time is not None else None,
        )

    return mark


def mark_columns(config: SplitConfig) -> list[str]:
    """The columns that marks are made of."""
    settings = (config.group, config.time, config.stratified)
    templates = [each for each in settings if isinstance(each, str) and each not in (*FILE_GROUPS, PROMPT, LABEL)]
    return [column for template in templates for column in columns_of(template)]


def _of_group(setting: str | dict[str, str] | None, file: SourceFile) -> Callable[[Any], str | None]:
    if setting not in FILE_GROUPS:
        return labeller(setting, file, "split.group")  # type: ignore[arg-type]
    # Below the directory that the source names, so that a copy elsewhere is split in the same way.
    path = PurePosixPath(file.relative or "/".join(file.path.parts[-2:]))
    name = str(path if setting == "file" else path.parent)
    return lambda row: name


def _of_time(template: str | None) -> Callable[[Any], float]:
    """A single column may hold dates and numbers, too; several are put together as text."""
    columns = columns_of(template) if template else []
    render = renderer(template) if template else str

    def moment(row: Any) -> float:
        if isinstance(row, dict) and f"{{{columns[0]}}}" == template and row.get(columns[0]) not in (None, ""):
            value = row[columns[0]]
        else:
            value = _told("time", render, row)
        try:
            return moment_of(value)
        except ValueError:
            raise MissingTextError(f"no time for the split: {template} is none that is known") from None

    return moment


def _told(what: str, of: Callable[[Any], str | None], row: Any) -> str:
    """In one form, so that what is equal for people is equal.

    Raises:
        MissingTextError: the row has none.
    """
    if isinstance(row, Unreadable):
        raise MissingTextError(row.reason)
    try:
        text = normalise(of(row) or "")
        text.encode()
    except MissingTextError as error:
        raise MissingTextError(f"no {what} for the split: {error.reason}") from None
    except UnicodeEncodeError:
        raise MissingTextError(f"no {what} for the split: it holds half a surrogate pair") from None
    if not text:
        raise MissingTextError(f"no {what} for the split: it is empty")
    return text
