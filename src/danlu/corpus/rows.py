"""Files of rows, as lists of rows. What a row means is none of this module's business."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from danlu.corpus.files import BadFileError, SourceFile, decode, read_bytes

JSON_HINT = "A .json file holds one list of rows: [{...}, {...}]."


class Unreadable:
    """Stands for a row that could not be parsed, so that the rows behind it keep their numbers."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text


def read_rows(file: SourceFile) -> list[Any]:
    """All rows of a file, as they stand there (mappings, unless the file is wrong), or `Unreadable`.

    Raises:
        BadFileError: the suffix is unknown, the file is damaged or not UTF-8, or what it holds is not a list of rows.
    """
    reader = READERS.get(file.suffix)
    if reader is None:
        raise BadFileError(
            file.uri,
            f"files with the suffix {file.path.suffix!r} cannot be read",
            f"Known are {', '.join(READERS)}, each also with .gz.",
        )
    return reader(read_bytes(file), file.uri)


def _read_json(data: bytes, name: str) -> list[Any]:
    """One JSON list of rows. JSON lines are often called .json too; they are read as such."""
    text = decode(data, name)
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        lines = _parse_lines(text)
        if lines and isinstance(lines[0], dict) and isinstance(error, json.JSONDecodeError):
            return lines
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        problem = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise BadFileError(name, f"this is not JSON ({problem})", JSON_HINT, place) from error
    if isinstance(value, dict) and len(rows := [v for v in value.values() if _is_list_of_mappings(v)]) == 1:
        return list(rows[0])
    if not isinstance(value, list):
        keys = f" with the keys {', '.join(list(value)[:6])}" if isinstance(value, dict) else ""
        raise BadFileError(name, f"it holds a JSON {type(value).__name__}{keys} instead of a list of rows", JSON_HINT)
    return value


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _read_json_lines(data: bytes, name: str) -> list[Any]:
    """One JSON row a line; empty lines do not count."""
    rows = _parse_lines(decode(data, name))
    if rows and all(isinstance(row, Unreadable) for row in rows):
        raise BadFileError(name, rows[0].reason, "A .jsonl file holds one row a line: {...}")
    return rows


def _parse_lines(text: str) -> list[Any]:
    rows: list[Any] = []
    # Not splitlines(): JSON strings may hold U+2028 and its like as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            rows.append(Unreadable(f"line {number} is not JSON ({error.msg})", line))
        except RecursionError:
            rows.append(Unreadable(f"line {number} is nested too deeply", line))
    return rows


def _read_parquet(data: bytes, name: str) -> list[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Any] = pq.read_table(io.BytesIO(data)).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        first_line = str(error).splitlines()[0]
        reason = f"this is not a whole Parquet file ({first_line.rstrip('.')})"
        raise BadFileError(name, reason, "Fetch or make it again.") from error
    return rows


def _read_separated(separator: str) -> Callable[[bytes, str], list[Any]]:
    def read(data: bytes, name: str) -> list[Any]:
        """A header line, then a row a record; quoted fields may hold line breaks."""
        lines = csv.DictReader(io.StringIO(decode(data, name), newline=""), delimiter=separator, strict=True)
        csv.field_size_limit(2**31 - 1)
        rows: list[Any] = []
        try:
            for row in lines:
                # DictReader keeps surplus fields under None and fills missing ones with None.
                surplus = None in row or None in row.values()
                problem = f"line {lines.line_num} has another number of fields than the header"
                rows.append(Unreadable(problem, separator.join(map(str, row.values()))) if surplus else row)
        except csv.Error as error:
            raise BadFileError(
                name, str(error), "Check the quotes around this line.", f"after line {lines.line_num}"
            ) from error
        return rows

    return read


READERS: dict[str, Callable[[bytes, str], list[Any]]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".csv": _read_separated(","),
    ".tsv": _read_separated("\t"),
}
