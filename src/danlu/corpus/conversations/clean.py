"""``into: examples``: files of conversations, clean and split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.artifacts.dropped import write_dropped
from danlu.artifacts.examples import write_examples
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Estimate, StageContext
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.conversation import Example
from danlu.corpus.conversations.reading import ExampleReader
from danlu.corpus.dropped import Dropped
from danlu.corpus.duplicates import drop_exact_duplicates, drop_near_duplicates
from danlu.corpus.split import check_splits, side_of
from danlu.hardware.yardstick import slowness
from danlu.telemetry.reporter import Reporter

# Measured with 100,000 rows (84 MB of JSON, near duplicates looked for): 27 s on one core, 730 MB above what the
# process takes by itself, 51 MB of Parquet.
BASE_SECONDS = 0.5
SECONDS_PER_BYTE = 3.2e-7
BASE_MEMORY_BYTES = 115 * 2**20
MEMORY_PER_BYTE = 9
DISK_PER_BYTE = 0.6


def estimate(config: CleanConfig, context: StageContext) -> Estimate:
    """From the size of the sources alone."""
    num_bytes = sum(source.record.num_bytes for source in context.sources["from"])
    held_out = f"{config.split.validation:.0%} for validation and {config.split.test:.0%} for the test"
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + num_bytes * SECONDS_PER_BYTE),
        peak_memory_bytes=BASE_MEMORY_BYTES + num_bytes * MEMORY_PER_BYTE,
        disk_bytes=int(num_bytes * DISK_PER_BYTE),
        notes=[f"reads {num_bytes:,} bytes of {len(context.sources['from'])} sources and holds out {held_out}"],
    )


def make(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Read, deduplicate, split, write."""
    dropped = Dropped()
    reader = ExampleReader(config, dropped, context.reporter)
    examples = reader.read(context.sources["from"])
    examples = _deduplicate(config, examples, dropped, context.reporter)
    dropped.report(reader.num_rows_read, "rows", context.reporter)
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for example in examples:
        splits[side_of(example.normalised, config.split)].append(example)
    num_examples = {split: len(rows) for split, rows in splits.items()}
    check_splits(config.split, num_examples, dropped, context.reporter, "row")
    for split, rows in splits.items():
        write_examples(out, split, [_record(example) for example in rows])
    write_dropped(out, dropped.rows)
    return {
        "num_rows_read": reader.num_rows_read,
        "num_examples": num_examples,
        "num_dropped": len(dropped),
        "dropped_by_reason": dict(dropped.by_reason.most_common()),
        "num_characters": sum(example.num_characters for example in examples),
    }


def _deduplicate(config: CleanConfig, examples: list[Example], dropped: Dropped, reporter: Reporter) -> list[Example]:
    if config.deduplicate.exact:
        examples = list(drop_exact_duplicates(examples, dropped))
    if config.deduplicate.near is not None:
        examples = drop_near_duplicates(examples, config.deduplicate.near, dropped, reporter, "conversations")
    return examples


def _record(example: Example) -> dict[str, Any]:
    return {"id": example.id, "messages": example.messages, "source": example.source, "row": example.row}
