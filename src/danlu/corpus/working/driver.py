"""The whole way from files to what an artifact is made of, part by part. What was done before a stop stays done."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from danlu.artifacts.dropped import DroppedWriter
from danlu.artifacts.stage import StageContext
from danlu.artifacts.store import write_synced
from danlu.artifacts.tags import TagsWriter
from danlu.corpus.archives.listing import Listing
from danlu.corpus.config import CleanConfig
from danlu.corpus.dropped import file_record, tell_of_files
from danlu.corpus.files import BadFileError, SourceFile
from danlu.corpus.parts import parts_of
from danlu.corpus.reading.table import Piece, divided, piece_of
from danlu.corpus.rights.stated import check_licence, tell_of_rights
from danlu.corpus.working import pool
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.cutting import cut
from danlu.corpus.working.earlier import check_deduplicate, earlier_tasks, read_earlier
from danlu.corpus.working.joining import Outlet, join
from danlu.corpus.working.likeness import SimilarItems
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.part_files import is_done
from danlu.corpus.working.repeated_items import Repetitions
from danlu.corpus.working.repetitions import repetitions
from danlu.corpus.working.semantics import semantic_repetitions
from danlu.corpus.working.splitting import Split, split_items
from danlu.corpus.working.work import Inputs, Maker, Task, work
from danlu.hardware.machine import num_usable_cores

PART_BYTES = 2**22
"""Of what one process does at a time, as the files lie on the disk."""
PARTS, EARLIER = "parts", "against"
"""Of what a stopped stage goes on from; the second lies in the first."""


class KeptTask(pool.Task, Protocol):
    """One whose result lies in a directory, which is there when it is whole."""

    @property
    def directory(self) -> Path: ...


AnyKept = TypeVar("AnyKept", bound=KeptTask)


@dataclass(frozen=True)
class Worked:
    """What came of all files."""

    parts: AllParts
    notes: Notes
    """Of all parts together."""
    pieces: list[Piece]
    """What was read."""
    judged: dict[str, str]
    """How each file was read, by its URI."""
    bad_files: list[BadFileError]
    """What could not be read, or not to its end."""
    num_files_read: int
    num_rows_read: int
    left_out: Counter[str]
    """Rows by reason, those that repeat others included."""
    split: Split


def clean(
    config: CleanConfig,
    context: StageContext,
    listing: Listing,
    make_maker: Callable[[CleanConfig, Inputs], Maker],
    outlet: Outlet,
    dropped: DroppedWriter,
    tags: TagsWriter,
    unit: str,
) -> Worked:
    """Read all files, leave out what repeats others, and write the rest.

    Args:
        config: Of the stage.
        context: Of the stage.
        listing: Files in the order in which their items are to stand, and what is none.
        make_maker: Makes what makes items of rows.
        outlet: Is given items that stay.
        dropped: Is given what is left out.
        tags: Is given what was counted of rows that were judged.
        unit: What items are called, in the plural.

    Raises:
        UserError: a setting does not fit the sources.
        BadFileError: not a single file can be read.
        Stopped: by a signal; the parts that are done are kept.
    """
    check_deduplicate(config, context.inputs)
    processes = config.processes or num_usable_cores()
    maker = make_maker(config, context.inputs)
    tell_of_rights(config.rights, [file.uri for file in listing.files], context.reporter)
    judged, bad_files = _judged(config, listing.files, maker)
    bad_files = [*listing.bad_files, *bad_files]
    if bad_files and not judged:
        raise bad_files[0]
    folder = _folder_for(judged, context.checkpoints / PARTS)
    how = {id(piece): its_how for piece, its_how in judged}
    parts = list(parts_of((piece for piece, _ in judged), PART_BYTES))
    tasks = [
        Task(
            part,
            tuple(how[id(piece)] for piece in part.pieces),
            config,
            context.inputs,
            make_maker,
            folder / f"{part.number:06d}",
        )
        for part in parts
    ]
    _work(context, tasks, f"reading {unit}", partial(_on_parts, config, folder))
    all_parts = AllParts(parts, [task.directory for task in tasks])
    before = Repetitions.none()
    if config.deduplicate.cuts_texts:
        all_parts, before = cut(config, context, parts, all_parts, folder)
    earlier = earlier_tasks(config, context.inputs, folder / EARLIER)
    if earlier:
        do_all = partial(pool.worked_on, num_processes=processes, do=read_earlier, scratch=folder)
        _work(context, earlier, f"reading the {unit} of 'against'", do_all)
        all_parts = all_parts.behind(parts, [(task.directory, task.artifact) for task in earlier])
        before = before.moved(all_parts.num_earlier)
    bad_files += _ended_early(all_parts)
    tell_of_files(bad_files, context.reporter)

    items = SimilarItems(all_parts, maker.body, maker.comparable)
    repeated = repetitions(all_parts, config.deduplicate, before, items, folder, context.reporter)
    if config.deduplicate.semantic is not None:
        repeated = semantic_repetitions(
            all_parts, repeated, config.deduplicate.semantic, context, maker.body, maker.shown, folder
        )
    split = split_items(all_parts, repeated, config.split, items, folder, context.reporter)
    dropped.write_rows([file_record(error) for error in bad_files])
    counts = join(all_parts, repeated, split.sides, maker, outlet, dropped, tags, processes)
    notes = Notes()
    for each in all_parts.files:
        notes.add(each.notes)
    all_parts.close()
    return Worked(
        parts=all_parts,
        notes=notes,
        pieces=[piece for piece, _ in judged],
        judged={piece.file.uri: its_how for piece, its_how in judged},
        bad_files=bad_files,
        num_files_read=len({piece.file.uri for piece, _ in judged}),
        num_rows_read=sum(notes.left_out.values()) + all_parts.num_items - all_parts.num_earlier,
        left_out=notes.left_out + counts,
        split=split,
    )


def _folder_for(judged: Sequence[tuple[Piece, str]], folder: Path) -> Path:
    """Where parts lie; emptied if they are of work that was divided in another way."""
    division = repr(
        [(each.file.uri, each.kind, each.encoding, each.num_bytes, each.start, each.stop, how) for each, how in judged]
    )
    mark = folder / "division"
    fingerprint = hashlib.sha256(division.encode()).hexdigest()
    if not mark.exists() or mark.read_text(encoding="utf-8") != fingerprint:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_synced(mark, fingerprint)
    return folder


def _judged(
    config: CleanConfig, files: Sequence[SourceFile], maker: Maker
) -> tuple[list[tuple[Piece, str]], list[BadFileError]]:
    """All pieces with how they are to be read, and the files that cannot be."""
    found: list[tuple[Piece, str]] = []
    bad_files: list[BadFileError] = []
    texts_too = config.into == "corpus" and config.documents != "file"
    for file in files:
        try:
            check_licence(file.uri, config.rights, config.licences_allowed)
            piece = piece_of(file)
            how = maker.judge(piece)
            found += [(each, how) for each in divided(piece, PART_BYTES, texts_too)]
        except BadFileError as error:
            bad_files.append(error)
    return found, bad_files


def _work(
    context: StageContext,
    tasks: Sequence[AnyKept],
    doing: str,
    do_all: Callable[[Sequence[AnyKept]], pool.Doing[AnyKept]],
) -> None:
    """Have done what has not been."""
    done = [task for task in tasks if is_done(task.directory)]
    waiting = [task for task in tasks if not is_done(task.directory)]
    if done:
        context.reporter.say(f"Going on from {len(done):,} of {len(tasks):,} parts that were done before.")
    sizes = [sum(task.num_bytes for task in each) for each in (tasks, done)]
    pool.have_done(context, do_all(waiting), doing, *sizes)


def _on_parts(config: CleanConfig, folder: Path, tasks: Sequence[Task]) -> pool.Doing[Task]:
    if config.run_on == "ray":
        from danlu.corpus.working.ray_pool import worked_on_ray

        return worked_on_ray(tasks, config.processes)
    return pool.worked_on(tasks, config.processes or num_usable_cores(), work, folder)


def _ended_early(parts: AllParts) -> list[BadFileError]:
    """Files that could not be read to their end, each once."""
    found: dict[str, Any] = {}
    for files in parts.files:
        for problem in files.notes.bad_files:
            found.setdefault(problem["name"], problem)
    return [BadFileError(each["name"], each["reason"], each["hint"], each["place"]) for each in found.values()]
