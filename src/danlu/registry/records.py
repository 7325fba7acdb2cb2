"""The number of each released version, one small file per version: ``registry/<name>/<version>.json``.

These files, not the database, say which release is version 2 of ``assistant``; the database can be rebuilt from them.
A file is written aside, synced, and then linked to its name, which fails if the number is taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from danlu.artifacts.store import sync_directory


@dataclass(frozen=True)
class Record:
    """Version `version` of `name` is the release artifact `artifact`."""

    name: str
    version: int
    artifact: str


def write_record(directory: Path, record: Record) -> None:
    """Keep `record` for good.

    Raises:
        FileExistsError: the version number is taken.
    """
    folder = directory / record.name
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{record.version}-{os.getpid()}"
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, folder / f"{record.version}.json")
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(folder)


def read_records(directory: Path) -> Iterator[Record]:
    """All records, by name and version."""
    for folder in sorted(directory.glob("*")):
        for path in sorted(folder.glob("[0-9]*.json"), key=lambda path: int(path.stem)):
            yield Record(**json.loads(path.read_text(encoding="utf-8")))
