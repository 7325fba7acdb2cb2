"""``into: corpus``: files of text or rows, clean and split, in shards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from danlu.artifacts.dropped import write_dropped
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Estimate, StageContext
from danlu.corpus.config import CleanConfig
from danlu.corpus.documents.choosing import chosen_files
from danlu.corpus.documents.document import Document
from danlu.corpus.documents.labelling import check_labels
from danlu.corpus.documents.reading import DocumentReader
from danlu.corpus.documents.side import Side
from danlu.corpus.dropped import Dropped
from danlu.corpus.duplicates import drop_exact_duplicates, drop_near_duplicates
from danlu.corpus.split import check_splits, side_of
from danlu.hardware.yardstick import slowness
from danlu.telemetry.reporter import Reporter

# Measured with 312,000 poems (134 MB of JSON in 313 files, 66 MB of text) on one core, at a slowness of 1.5: 9.4 s,
# 12.4 s with conversion, 15.5 s more for near duplicates; 145 MiB above what the process takes by itself (170 MiB),
# 1,180 MiB when near duplicates are looked for. The same in one file: 640 MiB as .json, 850 as .jsonl.
BASE_SECONDS = 0.3
SECONDS_PER_BYTE = 4.5e-8
CHINESE_SECONDS_PER_BYTE = 1.5e-8
NEAR_SECONDS_PER_BYTE = 7.7e-8
BASE_MEMORY_BYTES = 245 * 2**20
MEMORY_PER_BYTE = 0.5
MEMORY_PER_BYTE_OF_LARGEST_FILE = 8
NEAR_BASE_MEMORY_BYTES = 100 * 2**20
NEAR_MEMORY_PER_BYTE = 7.5
DISK_PER_BYTE = 0.75


def estimate(config: CleanConfig, context: StageContext) -> Estimate:
    """From the sizes of the chosen files alone."""
    files = chosen_files(context.sources["from"], config, Reporter())
    sizes = [file.path.stat().st_size for file in files]
    num_bytes = sum(sizes)
    seconds_per_byte, memory_per_byte, memory = SECONDS_PER_BYTE, MEMORY_PER_BYTE, BASE_MEMORY_BYTES
    if config.chinese:
        seconds_per_byte += CHINESE_SECONDS_PER_BYTE
    if config.deduplicate.near is not None:
        seconds_per_byte += NEAR_SECONDS_PER_BYTE
        memory_per_byte += NEAR_MEMORY_PER_BYTE
        memory += NEAR_BASE_MEMORY_BYTES
    memory += int(num_bytes * memory_per_byte) + max(sizes) * MEMORY_PER_BYTE_OF_LARGEST_FILE
    held_out = f"{config.split.validation:.0%} for validation and {config.split.test:.0%} for the test"
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + num_bytes * seconds_per_byte),
        peak_memory_bytes=memory,
        disk_bytes=int(num_bytes * DISK_PER_BYTE),
        notes=[f"reads {num_bytes:,} bytes of {len(files):,} files and holds out {held_out}"],
    )


def make(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Documents flow from the files to the shards; only looking for near duplicates holds them all."""
    dropped = Dropped()
    reader = DocumentReader(config, dropped, context.reporter)
    documents: Iterable[Document] = reader.read(chosen_files(context.sources["from"], config, context.reporter))
    if config.deduplicate.exact:
        documents = drop_exact_duplicates(documents, dropped)
    if config.deduplicate.near is not None:
        documents = drop_near_duplicates(
            list(documents), config.deduplicate.near, dropped, context.reporter, "documents"
        )
    sizes = _write(config, documents, out)
    dropped.report(reader.num_documents_read, "documents", context.reporter)
    check_splits(config.split, sizes["num_documents"], dropped, context.reporter, "document")
    if config.label is not None:
        check_labels(sizes["num_by_label"], context.reporter)
    write_dropped(out, dropped.rows)
    return {
        "num_files_read": reader.num_files_read,
        "num_files_set_aside": dropped.num_files,
        "num_documents_read": reader.num_documents_read,
        **sizes,
        "num_dropped": sum(dropped.by_reason.values()),
        "dropped_by_reason": dict(dropped.by_reason.most_common()),
    }


def _write(config: CleanConfig, documents: Iterable[Document], out: Path) -> dict[str, dict[str, Any]]:
    """Write the shards. Returns documents, characters and UTF-8 bytes of text by split, and documents by class."""
    from danlu.artifacts.corpus import CorpusWriter

    with CorpusWriter(out) as writer:
        sides = {split: Side(split, writer) for split in SPLITS}
        for document in documents:
            sides[side_of(document.normalised, config.split)].add(document)
        for side in sides.values():
            side.flush()
    sizes: dict[str, dict[str, Any]] = {
        "num_documents": {split: side.num_documents for split, side in sides.items()},
        "num_characters": {split: side.num_characters for split, side in sides.items()},
        "num_bytes": {split: side.num_bytes for split, side in sides.items()},
    }
    if config.label is not None:
        sizes["num_by_label"] = {split: dict(sorted(side.num_by_label.items())) for split, side in sides.items()}
    return sizes
