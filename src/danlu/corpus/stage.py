"""``do: clean``: files of conversations -> kind ``examples``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.artifacts.examples import write_dropped, write_examples
from danlu.artifacts.stage import Estimate, StageContext
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversation import Example
from danlu.corpus.dropped import Dropped
from danlu.corpus.duplicates import drop_exact_duplicates, drop_near_duplicates
from danlu.corpus.reading import ExampleReader
from danlu.corpus.split import split_examples
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness
from danlu.telemetry.reporter import Reporter

VERSION = 2
PREPARES = True

WANTED = ("exact duplicate", "near duplicate")
"""Reasons that were asked for and deserve no warning."""

# Measured with 100,000 rows (84 MB of JSON, near duplicates looked for): 27 s on one core, 730 MB above what the
# process takes by itself, 51 MB of Parquet.
BASE_SECONDS = 0.5
SECONDS_PER_BYTE = 3.2e-7
BASE_MEMORY_BYTES = 115 * 2**20
MEMORY_PER_BYTE = 9
DISK_PER_BYTE = 0.6


def plan(config: CleanConfig, context: StageContext) -> Estimate:
    """From the size of the sources alone."""
    num_bytes = sum(source.record.num_bytes for source in context.sources["from"])
    held_out = f"{config.split.validation:.0%} for validation and {config.split.test:.0%} for the test"
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + num_bytes * SECONDS_PER_BYTE),
        peak_memory_bytes=BASE_MEMORY_BYTES + num_bytes * MEMORY_PER_BYTE,
        disk_bytes=int(num_bytes * DISK_PER_BYTE),
        notes=[f"reads {num_bytes:,} bytes of {len(context.sources['from'])} sources and holds out {held_out}"],
    )


def run(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Read, deduplicate, split, write."""
    dropped = Dropped()
    reader = ExampleReader(config, dropped, context.reporter)
    examples = reader.read(context.sources["from"])
    examples = _deduplicate(config, examples, dropped, context.reporter)
    _report_dropped(dropped, reader.num_rows_read, context.reporter)
    splits = split_examples(examples, config.split)
    _check_splits(config, splits, dropped, context.reporter)
    for split, rows in splits.items():
        write_examples(out, split, [_record(example) for example in rows])
    write_dropped(out, dropped.rows)
    return {
        "num_rows_read": reader.num_rows_read,
        "num_examples": {split: len(rows) for split, rows in splits.items()},
        "num_dropped": len(dropped),
        "dropped_by_reason": dict(dropped.by_reason.most_common()),
        "num_characters": sum(example.num_characters for example in examples),
    }


def _deduplicate(config: CleanConfig, examples: list[Example], dropped: Dropped, reporter: Reporter) -> list[Example]:
    if config.deduplicate.exact:
        examples = drop_exact_duplicates(examples, dropped)
    if config.deduplicate.near is not None:
        examples = drop_near_duplicates(examples, config.deduplicate.near, dropped, reporter)
    return examples


def _report_dropped(dropped: Dropped, num_rows_read: int, reporter: Reporter) -> None:
    for reason, count in dropped.by_reason.most_common():
        tell = reporter.say if reason in WANTED else reporter.warn
        tell(f"{count:,} of {num_rows_read:,} rows left out: {reason}.")


def _check_splits(config: CleanConfig, splits: dict[str, list[Example]], dropped: Dropped, reporter: Reporter) -> None:
    if not splits["train"]:
        held_out = sum(map(len, splits.values()))
        reasons = "; ".join([*dropped.describe()[:3], *([f"{held_out} held out"] if held_out else [])])
        raise UserError(
            f"No row is left to train on: {reasons}.",
            "Look at the sources, or loosen the settings that leave rows out.",
        )
    for split, share in (("validation", config.split.validation), ("test", config.split.test)):
        if share and not splits[split]:
            reporter.warn(f"The {split} split ({share:.0%}) came out empty: there are too few rows.")


def _record(example: Example) -> dict[str, Any]:
    return {"id": example.id, "messages": example.messages, "source": example.source, "row": example.row}
