"""``into: examples``: files of conversations, clean and split."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from danlu.artifacts.dropped import DroppedWriter
from danlu.artifacts.examples import ExamplesWriter
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Estimate, StageContext
from danlu.artifacts.tags import TagsWriter
from danlu.corpus.archives.listing import SCRATCH, Listing, is_archive, scratch_directory, with_members
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.formats import FORMATS
from danlu.corpus.conversations.making import ExampleMaker
from danlu.corpus.decontamination.held_out import places_held_out
from danlu.corpus.dropped import tell_of_rows
from danlu.corpus.files import SourceFile, list_files
from danlu.corpus.reading.table import KINDS, ROWS
from danlu.corpus.replacing import tell_of_replacements
from danlu.corpus.splitting.report import check_splits
from danlu.corpus.working.auditing import write_audit
from danlu.corpus.working.cost import estimate_of
from danlu.corpus.working.driver import Worked, clean
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter

SUFFIXES = [suffix for suffix, kind in KINDS.items() if kind in ROWS]


def estimate(config: CleanConfig, context: StageContext) -> Estimate:
    """From the size of the files alone."""
    return estimate_of(config, _files(context), context.inputs)


def make(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Read, deduplicate, split, write."""
    with (
        scratch_directory(context.checkpoints / SCRATCH) as scratch,
        ExamplesWriter(out) as writer,
        DroppedWriter(out) as dropped,
        TagsWriter(out) as tags,
    ):
        outlet = _Counted(writer)
        listing = _with_rows(with_members(_files(context), scratch))
        make_maker = partial(ExampleMaker, held_out=places_held_out(config.decontaminate, context))
        worked = clean(config, context, listing, make_maker, outlet, dropped, tags, "conversations")
    found = write_audit(worked.parts, out) if config.personal else {}
    _tell(config, worked, context.reporter)
    tell_of_rows(worked.left_out, worked.num_rows_read, "rows", context.reporter)
    check_splits(config.split, worked.split.facts, outlet.num_examples, worked.left_out, context.reporter, "row")
    return {
        "num_rows_read": worked.num_rows_read,
        "num_examples": outlet.num_examples,
        **({"split": worked.split.facts} if worked.split.facts else {}),
        **({"num_personal": found} if config.personal else {}),
        "num_dropped": sum(worked.left_out.values()),
        "dropped_by_reason": dict(worked.left_out.most_common()),
        "num_characters": outlet.num_characters,
        **outlet.particulars,
    }


def _files(context: StageContext) -> list[SourceFile]:
    """All files of all sources; of a directory, those that may hold rows.

    Raises:
        UserError: there is no such file or directory, or no such file in a directory.
    """
    found = []
    for source in context.sources["from"]:
        files = [file for file in list_files(source) if file.relative is None or _may_hold_rows(file)]
        if not files:
            raise UserError(
                f"The directory {source.path} holds no file that could be read as rows.",
                f"Known are: {', '.join(SUFFIXES)}.",
            )
        found += files
    return found


def _may_hold_rows(file: SourceFile) -> bool:
    return file.suffix in SUFFIXES or is_archive(file)


def _with_rows(listing: Listing) -> Listing:
    """Of what archives hold, what may hold rows, as of a directory."""
    return replace(listing, files=[file for file in listing.files if not file.member or file.suffix in SUFFIXES])


class _Counted:
    """Conversations on their way into files, by split."""

    def __init__(self, writer: ExamplesWriter) -> None:
        self.num_examples = dict.fromkeys(SPLITS, 0)
        self.num_characters = 0
        self._num_pairs = self._num_desirable = self._num_undesirable = self._num_with_tools = 0
        self._writer = writer

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        self._writer.write(split, batch)
        self.num_examples[split] += batch.num_rows
        contents = pc.struct_field(pc.list_flatten(batch.column("messages")), "content")
        self.num_characters += pc.sum(pc.utf8_length(contents)).as_py() or 0
        labels = batch.column("desirable")
        self._num_pairs += batch.num_rows - batch.column("rejected").null_count
        self._num_with_tools += batch.num_rows - batch.column("tools").null_count
        self._num_desirable += labels.true_count
        self._num_undesirable += batch.num_rows - labels.null_count - labels.true_count

    @property
    def particulars(self) -> dict[str, int]:
        """How many are pairs, called good or bad, or have tools; only those of which there are any."""
        counts = {
            "num_pairs": self._num_pairs,
            "num_desirable": self._num_desirable,
            "num_undesirable": self._num_undesirable,
            "num_with_tools": self._num_with_tools,
        }
        return {name: count for name, count in counts.items() if count}


def _tell(config: CleanConfig, worked: Worked, reporter: Reporter) -> None:
    """
    Raises:
        UserError: a column to be renamed is nowhere to be found.
    """
    for column in config.columns:
        if column not in worked.notes.columns:
            columns = list(map(str, worked.notes.columns))
            raise UserError(f"columns: no source has a column {column!r}.", did_you_mean(column, columns))
    for uri, name in worked.judged.items():
        found = "".join(f"; {count:,} {what}" for what, count in sorted(worked.notes.found.get(uri, {}).items()))
        used = ", ".join(worked.notes.used.get(uri, {})) or FORMATS[name].keys
        reporter.say(f"{uri}: read as {name} ({used}){found}.")
    for uri, counts in worked.notes.unused.items():
        if counts:
            listed = ", ".join(f"{key!r} ({count:,} rows)" for key, count in counts.items())
            reporter.say(f"{uri}: columns that are not used: {listed}.")
    tell_of_replacements(config.replace, worked.notes.replaced, reporter)
