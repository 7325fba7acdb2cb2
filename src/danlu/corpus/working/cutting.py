"""Between the parts and the repetitions of whole items: what repeats within documents is cut out of them.

Exact duplicates are told before, since all of a copy repeats something. Cut texts make parts of their own, with the
same items under the same numbers, so that all that comes after sees documents as they are to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.cuts import CUTS_SCHEMA, NAME
from danlu.artifacts.stage import StageContext
from danlu.corpus.config import CleanConfig
from danlu.corpus.cutting.finding import find_substrings, find_units
from danlu.corpus.cutting.portion import GONE, Portion
from danlu.corpus.cutting.records import KINDS, write_records
from danlu.corpus.cutting.rewriting import RewritingTask, rewrite
from danlu.corpus.dropped import CUT_AWAY, EXACT
from danlu.corpus.duplicates.exact import repeated
from danlu.corpus.parts import Part
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.named_items import NamedItems
from danlu.corpus.working.part_files import is_done
from danlu.corpus.working.pool import AnyTask, have_done, worked_on
from danlu.corpus.working.repeated_items import Repetitions
from danlu.hardware.machine import num_usable_cores
from danlu.telemetry.reporter import Reporter

FOLDER = "cutting"


def cut(
    config: CleanConfig, context: StageContext, parts: Sequence[Part], found: AllParts, folder: Path
) -> tuple[AllParts, Repetitions]:
    """The parts without what is cut out of their texts, and the items that are left out so far: exact duplicates, and
    those of which too little is left.

    Args:
        config: Of the stage.
        context: Of the stage.
        parts: All of them.
        found: What work on them has left.
        folder: Where files of a stopped run lie.
    """
    settings = config.deduplicate
    folder = folder / FOLDER
    folder.mkdir(exist_ok=True)
    copies = Repetitions.none()
    if settings.exact:
        copies = Repetitions.of(EXACT, *repeated(found.keys, found.num_items))
    gone = np.zeros(found.num_items, np.bool_)
    gone[copies.rows] = True
    write_records(folder / GONE, gone)
    portions = [
        Portion(part, files.directory, first, folder)
        for part, files, first in zip(parts, found.files, found.part_starts, strict=True)
    ]
    for portion in portions:
        portion.cuts_path.unlink(missing_ok=True)  # noted by a run that was stopped, perhaps not to the end

    def run(do: Callable[[Any], None], tasks: Sequence[AnyTask], what: str) -> None:
        num_bytes = sum(task.num_bytes for task in tasks)
        have_done(context, worked_on(tasks, config.processes or num_usable_cores(), do, folder), what, num_bytes)

    for kind, at_most in (("paragraph", settings.paragraphs), ("line", settings.lines)):
        if at_most is not None:
            find_units(portions, kind, at_most, settings.min_line_characters, folder / kind, run)
    if settings.substrings is not None:
        find_substrings(portions, settings.substrings, folder / "substring", run)
    tasks = [RewritingTask(each, config, folder / f"{each.part.number:06d}") for each in portions]
    run(rewrite, [task for task in tasks if not is_done(task.directory)], "cutting repeats out of documents")
    rewritten = AllParts(parts, [task.directory for task in tasks])
    cut_away = np.flatnonzero(rewritten.numbers("left_out", np.bool_) & ~gone)
    return rewritten, Repetitions.together([copies, Repetitions.of(CUT_AWAY, cut_away, cut_away)])


def write_cuts(parts: AllParts, out: Path, reporter: Reporter) -> dict[str, int]:
    """Write ``cuts.parquet`` and say what is in it; returns how many of each kind, and their characters together."""
    counts: Counter[str] = Counter()
    num_characters = 0
    with pq.ParquetWriter(out / NAME, CUTS_SCHEMA, compression="zstd") as writer:
        for files in parts.files:
            for batch in files.cuts():
                writer.write_batch(_with_documents(batch, parts))
                counts.update(batch.column("kind").to_pylist())
                num_characters += int(np.sum(batch.column("end").to_numpy() - batch.column("start").to_numpy()))
    for kind in KINDS:
        if counts[kind]:
            reporter.say(f"{counts[kind]:,} {kind}s are taken out of documents, since they stand elsewhere too.")
    return {**{f"{kind}s": counts[kind] for kind in KINDS}, "characters": num_characters}


def _with_documents(batch: pa.RecordBatch, parts: AllParts) -> pa.RecordBatch:
    """With what is to be said of the documents that stand in it by number."""
    known: dict[str, Any] = {"similarity": np.ones(batch.num_rows)}
    for prefix, column in (("", "item"), ("first_", "first_item")):
        items = batch.column(column).to_numpy() + parts.num_earlier
        named = NamedItems(parts, items)
        names = [named[item] for item in items.tolist()]
        known |= {prefix + field: [getattr(name, field) for name in names] for field in ("id", "source", "row")}
    columns = [
        pa.array(known[field.name], field.type) if field.name in known else batch.column(field.name)
        for field in CUTS_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=CUTS_SCHEMA)
