"""Files as lists of rows. What a row means is none of this module's business."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from danlu.errors import UserError

CONVERT_HINT = "Convert the file to UTF-8, for example with: iconv -f GB18030 -t UTF-8 OLD > NEW"


class Unreadable:
    """Stands for a row that could not be parsed, so that the rows behind it keep their numbers."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text


def list_files(path: Path) -> list[Path]:
    """`path` itself, or the readable files below it in order of their names.

    Raises:
        UserError: there is no such file, or no readable file in the directory.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} is neither a file nor a directory.", "Check the path under 'from'.")
    files = sorted(file for file in path.rglob("*") if file.is_file() and _suffix(file) in READERS)
    if not files:
        raise UserError(
            f"The directory {path} holds no file that could be read as rows.", f"Known are: {', '.join(READERS)}."
        )
    return files


def read_rows(path: Path, name: str) -> list[Any]:
    """All rows of a file, as they stand there (mappings, unless the file is wrong), or `Unreadable`.

    Args:
        path: The file. Its suffix says what it is.
        name: What messages call it.

    Raises:
        UserError: the suffix is unknown, the file is damaged or not UTF-8, or what it holds is not a list of rows.
    """
    reader = READERS.get(_suffix(path))
    if reader is None:
        raise UserError(
            f"{name}: files with the suffix {path.suffix!r} cannot be read.",
            f"Known are {', '.join(READERS)}, each also with .gz.",
        )
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{name} is not a whole gzip file: {error}.", "Fetch or make the file again.") from error
    return reader(data, name)


def _suffix(path: Path) -> str:
    """The suffix that says what the file holds; .gz does not count."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _decode(data: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{name} is written in UTF-16.", "Convert it, for example with: iconv -f UTF-16 -t UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8.", CONVERT_HINT
        ) from error


def _read_json(data: bytes, name: str) -> list[Any]:
    """One JSON list of rows. JSON lines are often called .json too; they are read as such."""
    text = _decode(data, name)
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        lines = _parse_lines(text)
        if lines and isinstance(lines[0], dict) and isinstance(error, json.JSONDecodeError):
            return lines
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        problem = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise UserError(
            f"{name}{line}: this is not JSON ({problem}).", "A .json file holds one list of rows: [{...}, {...}]."
        ) from error
    if isinstance(value, dict) and len(rows := [v for v in value.values() if _is_list_of_mappings(v)]) == 1:
        return list(rows[0])
    if not isinstance(value, list):
        keys = f" with the keys {', '.join(list(value)[:6])}" if isinstance(value, dict) else ""
        raise UserError(
            f"{name} holds a JSON {type(value).__name__}{keys} instead of a list of rows.",
            "A .json file holds one list of rows: [{...}, {...}].",
        )
    return value


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _read_json_lines(data: bytes, name: str) -> list[Any]:
    """One JSON row a line; empty lines do not count."""
    rows = _parse_lines(_decode(data, name))
    if rows and all(isinstance(row, Unreadable) for row in rows):
        raise UserError(f"{name}: {rows[0].reason}.", "A .jsonl file holds one row a line: {...}")
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
        raise UserError(f"{name} is not a whole Parquet file: {first_line}", "Fetch or make the file again.") from error
    return rows


def _read_separated(separator: str) -> Callable[[bytes, str], list[Any]]:
    def read(data: bytes, name: str) -> list[Any]:
        """A header line, then a row a record; quoted fields may hold line breaks."""
        lines = csv.DictReader(io.StringIO(_decode(data, name), newline=""), delimiter=separator, strict=True)
        csv.field_size_limit(2**31 - 1)
        rows: list[Any] = []
        try:
            for row in lines:
                # DictReader keeps surplus fields under None and fills missing ones with None.
                surplus = None in row or None in row.values()
                problem = f"line {lines.line_num} has another number of fields than the header"
                rows.append(Unreadable(problem, separator.join(map(str, row.values()))) if surplus else row)
        except csv.Error as error:
            raise UserError(
                f"{name}, after line {lines.line_num}: {error}.", "Check the quotes around this line."
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
