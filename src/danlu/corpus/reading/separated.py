"""Rows between commas or tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, cast

from danlu.corpus.encodings import CONVERT_HINT, invalid_byte
from danlu.corpus.files import BadFileError
from danlu.corpus.reading.row import Unreadable

MOST_FIELD_CHARACTERS = 2**26


def read_separated(stream: BufferedIOBase, encoding: str, name: str, separator: str) -> Iterator[Any]:
    """A header line, then a row a record; quoted fields may hold line breaks.

    Raises:
        BadFileError: quotes are wrong, so that nothing behind is sure.
    """
    csv.field_size_limit(MOST_FIELD_CHARACTERS)
    text = io.TextIOWrapper(cast(Any, stream), encoding=encoding, newline="")
    lines = csv.DictReader(text, delimiter=separator, strict=True)
    try:
        for row in lines:
            # DictReader keeps surplus fields under None and fills missing ones with None.
            surplus = None in row or None in row.values()
            problem = "it has another number of fields than the header"
            yield Unreadable(problem, separator.join(map(str, row.values()))) if surplus else row
    except csv.Error as error:
        place = f"after line {lines.line_num}"
        raise BadFileError(name, str(error), "Check the quotes around this line.", place) from error
    except UnicodeDecodeError as error:
        place = f"after line {lines.line_num}"
        raise BadFileError(name, invalid_byte(error, encoding), CONVERT_HINT, place) from error
    finally:
        text.detach()
