"""Rows of columns: Parquet and Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.streams import read_anywhere

ROWS_AT_ONCE = 1024


def num_row_groups(file: SourceFile) -> int:
    """Of a Parquet file.

    Raises:
        BadFileError: it is none.
    """
    import pyarrow.parquet as pq

    with read_anywhere(file) as source, _whole(file.uri, "Parquet"), pq.ParquetFile(source) as found:
        return int(found.num_row_groups)


def read_parquet(file: SourceFile, start: int, stop: int | None) -> Iterator[Any]:
    """The rows of some of its row groups."""
    import pyarrow.parquet as pq

    with read_anywhere(file) as source, _whole(file.uri, "Parquet"), pq.ParquetFile(source) as found:
        groups = range(start, found.num_row_groups if stop is None else stop)
        for batch in found.iter_batches(ROWS_AT_ONCE, row_groups=groups):
            yield from batch.to_pylist()


def read_arrow(file: SourceFile) -> Iterator[Any]:
    """The rows of a file in Arrow's format, or in that of its streams."""
    import pyarrow as pa

    with read_anywhere(file) as stored, _whole(file.uri, "Arrow"), _arrow_source(stored) as source:
        try:
            found = pa.ipc.open_file(source)
            batches = (found.get_batch(number) for number in range(found.num_record_batches))
        except pa.ArrowInvalid:
            source.seek(0)
            batches = iter(pa.ipc.open_stream(source))
        for batch in batches:
            batch.validate(full=True)  # offsets that lead out of it would crash the process
            for first in range(0, batch.num_rows, ROWS_AT_ONCE):
                yield from batch.slice(first, ROWS_AT_ONCE).to_pylist()


def _arrow_source(stored: Path | BufferedIOBase) -> Any:
    import pyarrow as pa

    return pa.memory_map(str(stored)) if isinstance(stored, Path) else pa.PythonFile(stored, "r")


@contextmanager
def _whole(name: str, kind: str) -> Iterator[None]:
    """What Arrow cannot read is a `BadFileError`."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        first_line = (str(error).splitlines() or [""])[0].rstrip(".")
        reason = f"this is not a whole {kind} file ({first_line})"
        raise BadFileError(name, reason, "Fetch or make it again.") from error
