"""``label``: the class of each document, from its row or from the file it stands in."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from danlu.corpus.documents.template import columns_of, renderer
from danlu.corpus.files import BadFileError, SourceFile
from danlu.errors import UserError
from danlu.telemetry.reporter import Reporter

Labeller = Callable[[Any], str | None]
"""A row, or a text of a text file -> its class, None where there are no classes; raises `MissingTextError`."""


def labeller(setting: str | dict[str, str] | None, file: SourceFile, name: str = "label") -> Labeller:
    """What gives the documents of one file their class.

    Args:
        setting: ``label`` of ``do: clean``, or another that is written in the same way.
        file: Where the documents stand.
        name: Of the setting.

    Raises:
        BadFileError: no pattern fits the file.
        UserError: several patterns fit, or columns are asked for of a text file.
    """
    if setting is None:
        return lambda row: None
    if isinstance(setting, str):
        render = renderer(setting)
        return lambda row: render(row).strip()
    fitting = [pattern for pattern in setting if fnmatchcase(file.uri, pattern)]
    if not fitting:
        raise BadFileError(
            file.uri, f"no pattern under {name!r} fits it", "Add one, or leave the file out with 'exclude'."
        )
    if len(fitting) > 1:
        raise UserError(
            f"{name}: {file.uri} fits {len(fitting)} patterns: {', '.join(map(repr, fitting))}.",
            "Narrow them, so that one fits each file.",
        )
    return lambda row: setting[fitting[0]]


def label_columns(setting: str | dict[str, str] | None) -> list[str]:
    """The columns that the label is made of."""
    return columns_of(setting) if isinstance(setting, str) else []


def check_labels(by_split: dict[str, dict[str, int]], reporter: Reporter) -> None:
    """See that there is something to tell apart.

    Args:
        by_split: Documents of each class, by split.
        reporter: Told of classes that cannot be learnt.

    Raises:
        UserError: the training split has one class only.
    """
    learnt = by_split["train"]
    if len(learnt) < 2:
        raise UserError(
            f"label: the training split has {len(learnt)} classes ({', '.join(learnt)}); a classifier needs two.",
            "Name a column, or patterns of files, that differ from document to document.",
        )
    for split, counts in by_split.items():
        if unknown := sorted(counts.keys() - learnt.keys()):
            reporter.warn(f"label: {', '.join(unknown)} of the {split} split does not occur in the training split.")
