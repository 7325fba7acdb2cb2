"""Curves from files: our ``metrics.jsonl``, and the logs of other trainers.

Read are a ``trainer_state.json`` of transformers, JSON lines and CSV with a row for each record, and directories of
TensorBoard's event files. A row may lack any of the columns.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.reading.names import METRICS, STEPS, our_name, plain

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
Record = Mapping[str, Any]


def is_readable(path: Path) -> bool:
    """Whether this may be a log, by its name."""
    return path.is_dir() or path.suffix.lower() in SUFFIXES


def read_curves(path: Path) -> Curves:
    """The curves of a file, or of a directory that holds TensorBoard's files or one of the others.

    Raises:
        UserError: it is no log, or has no training loss and no validation loss.
    """
    found = _log_in(path) if path.is_dir() else path
    series = _tensorboard(found) if found.is_dir() else _series(_records(found))
    if not {"train/loss", "validation/loss"} & set(series):
        known = ", ".join(METRICS["train/loss"][:3])
        seen = ", ".join(list(series)[:8]) or "nothing"
        raise UserError(
            f"{path}: no loss is in it, only {seen}.",
            f"The column of the loss must have a usual name, such as {known}.",
        )
    return Curves(str(path), series)


def _log_in(directory: Path) -> Path:
    """The log in a directory; the directory itself if it holds event files."""
    for name in ("metrics.jsonl", "trainer_state.json", "metrics.csv", "history.csv", "log.csv"):
        if (directory / name).is_file():
            return directory / name
    if any(directory.rglob("*tfevents*")):
        return directory
    states = sorted(directory.glob("checkpoint-*/trainer_state.json"), key=lambda state: state.stat().st_mtime)
    if states:
        return states[-1]
    raise UserError(
        f"{directory} holds no log.",
        "Looked for: metrics.jsonl, trainer_state.json, metrics.csv, TensorBoard's event files.",
    )


def _records(path: Path) -> list[Record]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Give the path of a log.") from error
    if path.suffix.lower() in (".csv", ".tsv"):
        dialect = "excel-tab" if path.suffix.lower() == ".tsv" or "\t" in text.partition("\n")[0] else "excel"
        return list(csv.DictReader(text.splitlines(), dialect=dialect))
    try:
        content = json.loads(text)
    except ValueError:
        return _json_lines(text)
    return _json_records(path, content)


def _json_lines(text: str) -> list[Record]:
    """Lines that are no JSON are left out: a log may be cut short, or have words in between."""
    records: list[Record] = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def _json_records(path: Path, content: Any) -> list[Record]:
    """Of a ``trainer_state.json``, of a list of records, or of columns by name (the history of Keras)."""
    if isinstance(content, dict) and isinstance(content.get("log_history"), list):
        # The record that closes it holds means over the whole run.
        content = [
            record for record in content["log_history"] if isinstance(record, dict) and "train_runtime" not in record
        ]
    if isinstance(content, list):
        return [record for record in content if isinstance(record, dict)]
    columns = {name: values for name, values in content.items() if isinstance(values, list)} if content else {}
    if columns:
        return [
            {"epoch": number + 1, **{name: values[number] for name, values in columns.items() if number < len(values)}}
            for number in range(max(map(len, columns.values())))
        ]
    if isinstance(content, dict):
        return [content]
    raise UserError(f"{path} is JSON, and no log.", "Give a trainer_state.json, or a list of records.")


def _series(records: Iterable[Record]) -> dict[str, Series]:
    """By our names. A record without a step is of the one after the last."""
    rows = list(records)
    counter = _step_column(rows)
    points: dict[str, tuple[list[float], list[float]]] = {}
    step = 0.0
    for row in rows:
        said = _number(row.get(counter)) if counter else None
        step = said if said is not None else step + (0 if counter else 1)
        for name, text in row.items():
            if name is None or name == counter or (value := _number(text)) is None:
                continue
            steps, values = points.setdefault(our_name(str(name)), ([], []))
            steps.append(step)
            values.append(value)
    return {name: Series.of(steps, values) for name, (steps, values) in points.items()}


def _step_column(rows: list[Record]) -> str | None:
    """The column that counts; one that stands still (a log of one epoch) does not."""
    for wanted in STEPS:
        for name in {str(name) for row in rows for name in row if name is not None}:
            if plain(name) == wanted and len({row.get(name) for row in rows} - {None, ""}) > 1:
                return name
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _tensorboard(directory: Path) -> dict[str, Series]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    series: dict[str, Series] = {}
    for folder in sorted({file.parent for file in directory.rglob("*tfevents*")}):
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        # Keras keeps training and validation in folders of those names, with the same tags in both.
        side = folder.name.lower() if folder.name.lower() in ("train", "training", "validation", "val", "eval") else ""
        for tag in events.Tags()["scalars"]:
            scalars = events.Scalars(tag)
            name = our_name(f"{side}_{tag.removeprefix('epoch_')}" if side else tag)
            name = our_name("train_loss") if side.startswith("train") and plain(tag).endswith("loss") else name
            series.setdefault(name, Series.of([each.step for each in scalars], [each.value for each in scalars]))
    return series
