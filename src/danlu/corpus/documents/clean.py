"""``into: corpus``: files of text or rows, clean and split, in shards."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from danlu.artifacts.corpus import CorpusWriter, text_bytes
from danlu.artifacts.dropped import DroppedWriter
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Estimate, StageContext
from danlu.artifacts.tags import TagsWriter
from danlu.corpus.archives.listing import SCRATCH, scratch_directory
from danlu.corpus.config import CleanConfig
from danlu.corpus.decontamination.held_out import places_held_out
from danlu.corpus.documents.about import ABOUT_COLUMNS
from danlu.corpus.documents.choosing import chosen_files
from danlu.corpus.documents.labelling import check_labels, label_columns
from danlu.corpus.documents.making import USUAL_COLUMNS, DocumentMaker
from danlu.corpus.documents.template import columns_of
from danlu.corpus.dropped import tell_of_rows
from danlu.corpus.reading.table import ROWS
from danlu.corpus.replacing import tell_of_replacements
from danlu.corpus.splitting.marking import mark_columns
from danlu.corpus.splitting.report import check_splits
from danlu.corpus.working.auditing import write_audit
from danlu.corpus.working.cost import estimate_of
from danlu.corpus.working.cutting import write_cuts
from danlu.corpus.working.driver import Worked, clean
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter


def estimate(config: CleanConfig, context: StageContext) -> Estimate:
    """From the sizes of the chosen files alone."""
    return estimate_of(config, chosen_files(context.sources["from"], config, Reporter()).files, context.inputs)


def make(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Read, deduplicate, split, write."""
    maker = partial(
        DocumentMaker,
        toxic_words=[source.path for source in context.sources.get("toxic_words", [])],
        held_out=places_held_out(config.decontaminate, context),
    )
    with (
        scratch_directory(context.checkpoints / SCRATCH) as scratch,
        CorpusWriter(out) as writer,
        DroppedWriter(out) as dropped,
        TagsWriter(out) as tags,
    ):
        outlet = _Counted(writer)
        listing = chosen_files(context.sources["from"], config, context.reporter, scratch)
        worked = clean(config, context, listing, maker, outlet, dropped, tags, "documents")
    found = write_audit(worked.parts, out) if config.personal else {}
    cuts = write_cuts(worked.parts, out, context.reporter) if config.deduplicate.cuts_texts else {}
    _check_all_used(config, worked, context.reporter)
    tell_of_rows(worked.left_out, worked.num_rows_read, "documents", context.reporter)
    check_splits(config.split, worked.split.facts, outlet.num_documents, worked.left_out, context.reporter, "document")
    if config.label is not None:
        check_labels(outlet.by_label, context.reporter)
    return {
        "num_files_read": worked.num_files_read,
        "num_files_set_aside": len(worked.bad_files),
        "num_documents_read": worked.num_rows_read,
        "num_documents": outlet.num_documents,
        "num_characters": outlet.num_characters,
        "num_bytes": outlet.num_bytes,
        **({"num_by_label": outlet.by_label} if config.label is not None else {}),
        **({"split": worked.split.facts} if worked.split.facts else {}),
        **({"num_personal": found} if config.personal else {}),
        **({"num_cut": cuts} if config.deduplicate.cuts_texts else {}),
        "num_dropped": sum(worked.left_out.values()),
        "dropped_by_reason": dict(worked.left_out.most_common()),
    }


class _Counted:
    """Documents on their way into shards, by split."""

    def __init__(self, writer: CorpusWriter) -> None:
        self.num_documents = dict.fromkeys(SPLITS, 0)
        self.num_characters = dict.fromkeys(SPLITS, 0)
        self.num_bytes = dict.fromkeys(SPLITS, 0)
        """UTF-8 bytes of all texts."""
        self._labels: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self._writer = writer

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        self._writer.write(split, batch)
        self.num_documents[split] += batch.num_rows
        self.num_characters[split] += pc.sum(pc.utf8_length(batch.column("text"))).as_py()
        self.num_bytes[split] += text_bytes(batch)
        for counted in pc.value_counts(batch.column("label")).to_pylist():
            if counted["values"] is not None:
                self._labels[split][counted["values"]] += counted["counts"]

    @property
    def by_label(self) -> dict[str, dict[str, int]]:
        """Documents of each class, by split."""
        return {split: dict(sorted(counts.items())) for split, counts in self._labels.items()}


def _check_all_used(config: CleanConfig, worked: Worked, reporter: Reporter) -> None:
    """
    Raises:
        UserError: a column of the template is nowhere to be found.
    """
    kinds = {piece.kind for piece in worked.pieces}
    has_rows, has_texts = bool(kinds & set(ROWS)), "text" in kinds
    columns = list(worked.notes.columns)
    asked = [column for template in config.templates for column in columns_of(template)]
    missing = next((column for column in asked if has_rows and column not in columns), None)
    if missing is not None:
        raise UserError(f"text: no source has a column {missing!r}.", did_you_mean(missing, list(map(str, columns))))
    if config.text is not None and not has_rows:
        reporter.warn("text: no source has rows, so the template is not used.")
    if config.documents != "file" and not has_texts:
        reporter.warn(f"documents: {config.documents} is not used, since no source is a text file.")
    tell_of_replacements(config.replace, worked.notes.replaced, reporter)
    used = [
        *(asked or USUAL_COLUMNS),
        *ABOUT_COLUMNS,
        *label_columns(config.label),
        config.score,
        *mark_columns(config.split),
    ]
    if unused := [repr(column) for column in columns if column not in used]:
        reporter.say(f"Columns that are not used: {', '.join(unused)}.")
