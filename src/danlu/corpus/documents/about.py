"""What a source says of a document besides its text: title, address and date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from danlu.corpus.documents.document import UNKNOWN, About
from danlu.corpus.documents.text import tidy
from danlu.corpus.personal_texts import PersonalTexts

COLUMNS = {"title": ("title",), "url": ("url",), "date": ("date", "timestamp")}
"""Of rows, where it stands; the first that says something."""
ABOUT_COLUMNS = [column for columns in COLUMNS.values() for column in columns]
MOST_CHARACTERS = 2000
"""What is longer is no title, address or date."""


def about(title: Any = None, url: Any = None, date: Any = None) -> About:
    """Values as they are kept: text on one line, numbers and dates as text; what is nothing of the kind is None."""
    return About(_kept(title), _kept(url), _kept(date))


def about_row(row: dict[str, Any]) -> About:
    """What the columns `COLUMNS` of a row say."""
    found = {
        name: next((kept for each in columns if (kept := _kept(row.get(each)))), None)
        for name, columns in COLUMNS.items()
    }
    return About(**found) if any(found.values()) else UNKNOWN


def without_people(abouts: Sequence[About], personal: PersonalTexts) -> list[About]:
    """The same without titles and addresses that say who somebody is: they are left out as a whole."""
    values = [value for each in abouts for value in (each.title or "", each.url or "")]
    kept = [value if value == treated else None for value, treated in zip(values, personal.treat(values), strict=True)]
    return [
        About(title or None, url or None, each.date)
        for each, title, url in zip(abouts, kept[::2], kept[1::2], strict=True)
    ]


def _first(row: dict[str, Any], columns: Sequence[str]) -> str | None:
    return next((kept for column in columns if (kept := _kept(row.get(column)))), None)


def _kept(value: Any) -> str | None:
    if isinstance(value, date):
        text = value.isoformat()
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = " ".join(tidy(str(value)).split())
    else:
        return None
    return text.encode(errors="replace").decode() if 0 < len(text) <= MOST_CHARACTERS else None
