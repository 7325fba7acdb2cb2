"""Raw files as a subject: read and cleaned as the stage would, into a directory that is thrown away afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.corpus import CorpusWriter
from danlu.artifacts.dropped import DroppedWriter
from danlu.artifacts.examples import ExamplesWriter
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.artifacts.tags import TagsWriter
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.making import ExampleMaker
from danlu.corpus.documents.choosing import chosen_files
from danlu.corpus.documents.making import DocumentMaker
from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.reading.table import Piece, divided, piece_of
from danlu.corpus.working.auditing import write_audit
from danlu.corpus.working.driver import PART_BYTES, clean
from danlu.corpus.working.finished import Finished
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.work import Inputs, Maker
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter

MakeMaker = Callable[[CleanConfig, Inputs], Maker]


def cleaned_aside(
    config: CleanConfig,
    sources: Sequence[Source],
    workspace: Workspace,
    scratch: Path,
    reporter: Reporter,
    *,
    sample: int | None,
    seed: int,
) -> Subject:
    """Files cleaned into `scratch`.

    Args:
        config: How.
        sources: On this machine.
        workspace: Of the user; nothing is written there.
        scratch: An empty directory.
        reporter: Told what happens.
        sample: About so many rows are read, evenly over the files and the stretches of large ones; None for all.
        seed: Which files are read, where there are more than rows wanted.

    Raises:
        UserError: no file can be read, or a setting does not fit.
    """
    members, out = scratch / "archives", scratch / "out"
    members.mkdir()
    out.mkdir()
    listing = chosen_files(sources, config, reporter, members)
    make_maker: MakeMaker = DocumentMaker if config.kind == "corpus" else ExampleMaker
    notes = []
    if sample is not None:
        num_files = len(listing.files)
        listing.files, rows_each = _sampled(listing.files, sample, seed, texts_too=config.documents != "file")
        make_maker = partial(SampledMaker, make_maker, rows_each)
        notes.append(
            f"A sample: {len(listing.files):,} of {num_files:,} files, up to {rows_each:,} rows from the beginning of "
            f"each {PART_BYTES // 2**20} MiB; repetitions are those within the sample."
        )
    context = StageContext(
        name="inspect",
        workspace=workspace,
        store=ArtifactStore(workspace.artifacts),
        reporter=reporter,
        directory=scratch / "work",
        inputs={},
        sources={"from": list(sources)},
    )
    writer: CorpusWriter | ExamplesWriter = CorpusWriter(out) if config.kind == "corpus" else ExamplesWriter(out)
    with writer, DroppedWriter(out) as dropped, TagsWriter(out) as tags:
        worked = clean(config, context, listing, make_maker, writer, dropped, tags, "rows")
    if config.personal:
        write_audit(worked.parts, out)
    facts = {
        "num_files_read": worked.num_files_read,
        "num_files_set_aside": len(worked.bad_files),
        "num_rows_read": worked.num_rows_read,
        "num_dropped": sum(worked.left_out.values()),
    }
    uris = [source.record.uri for source in sources]
    name = uris[0] if len(uris) == 1 else f"{uris[0]} and {len(uris) - 1} more"
    return Subject(name, config.kind, out, facts, uris, config, notes=notes)


class SampledMaker:
    """A maker that reads the first rows of each stretch of a file only; a `danlu.corpus.working.work.Maker`.

    Args:
        make_maker: Of the maker that does the work.
        rows_each: Rows of each stretch.
        config: Of the stage.
        inputs: Of the stage.
    """

    def __init__(self, make_maker: MakeMaker, rows_each: int, config: CleanConfig, inputs: Inputs) -> None:
        self._maker = make_maker(config, inputs)
        self._rows_each = rows_each
        self.schema, self.body, self.personal = self._maker.schema, self._maker.body, self._maker.personal

    def judge(self, piece: Piece) -> str:
        """See `danlu.corpus.working.work.Maker`."""
        return self._maker.judge(piece)

    def finish(self, drafts: Sequence[Any], notes: Notes) -> Finished:
        """See `danlu.corpus.working.work.Maker`."""
        return self._maker.finish(drafts, notes)

    def shown(self, body: Any) -> str:
        """See `danlu.corpus.working.work.Maker`."""
        return self._maker.shown(body)

    def comparable(self, body: Any) -> str:
        """See `danlu.corpus.working.work.Maker`."""
        return self._maker.comparable(body)

    def read(self, piece: Piece, how: str, notes: Notes) -> Iterator[Any]:
        """See `danlu.corpus.working.work.Maker`."""
        return islice(self._maker.read(piece, how, notes), self._rows_each)


def _sampled(files: list[SourceFile], sample: int, seed: int, *, texts_too: bool) -> tuple[list[SourceFile], int]:
    """Files to read, and how many rows of each of their stretches."""
    if len(files) > sample:
        chosen = np.random.default_rng(seed).choice(len(files), sample, replace=False)
        files = [files[place] for place in sorted(chosen.tolist())]
    num_stretches = sum(_num_stretches(file, texts_too) for file in files)
    return files, max(1, -(-sample // max(num_stretches, 1)))


def _num_stretches(file: SourceFile, texts_too: bool) -> int:
    try:
        return len(divided(piece_of(file), PART_BYTES, texts_too))
    except BadFileError:
        return 0
