"""Tasks over processes: each done once, and a process that dies is an error, not a wait without end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from danlu.artifacts.stage import StageContext
from danlu.corpus.working.pool import SMALL_BYTES, Doing, have_done, worked_on
from danlu.errors import Stopped


@dataclass(frozen=True)
class Note:
    """Is to be left in a directory."""

    directory: Path
    number: int
    num_bytes: int = SMALL_BYTES


def leave(note: Note) -> None:
    with (note.directory / f"{note.number}").open("a") as stream:
        stream.write(f"{os.getpid()}\n")


def leave_or_die(note: Note) -> None:
    """Whoever is not the process of the tests is killed."""
    if os.getpid() != int((note.directory / "main").read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    leave(note)


@pytest.mark.parametrize("num_processes", [1, 2, 3])
def test_each_task_is_done_once(num_processes: int, tmp_path: Path) -> None:
    notes = [Note(tmp_path, number) for number in range(200)]
    given = [note.number for note in worked_on(notes, num_processes, leave, tmp_path)]
    assert sorted(given) == list(range(200))
    assert all(len((tmp_path / str(number)).read_text().split()) == 1 for number in range(200))


def test_closed_early_nothing_more_is_begun(tmp_path: Path) -> None:
    notes = [Note(tmp_path, number) for number in range(20_000)]
    doing = worked_on(notes, 2, leave, tmp_path)
    given = {next(doing).number for _ in range(3)}
    doing.close()
    there = {int(path.name) for path in tmp_path.iterdir()}  # and nothing else
    assert given <= there
    assert len(there) < 20_000


def test_stopped_nothing_more_is_begun(tmp_path: Path, context_in: Callable[..., StageContext]) -> None:
    """Although the error, and with it all that it came through, is kept."""
    context = context_in(tmp_path / "stage", [])
    notes = [Note(tmp_path, number) for number in range(20_000)]

    def stopped_soon() -> Doing[Note]:
        with closing(worked_on(notes, 2, leave, tmp_path)) as doing:
            for note in doing:
                context.stop.request(signal.SIGTERM)
                yield note

    with pytest.raises(Stopped, match="what was done is kept") as kept:
        have_done(context, stopped_soon(), "leaving notes", 20_000)
    num_left = len([*tmp_path.iterdir()])
    time.sleep(0.5)
    assert kept.value.status == 128 + signal.SIGTERM
    assert num_left == len([*tmp_path.iterdir()]) < 20_000


def test_a_process_that_dies_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main").write_text(str(os.getpid()))
    notes = [Note(tmp_path, number) for number in range(100_000)]
    with pytest.raises(RuntimeError, match="terminated abruptly"):
        list(worked_on(notes, 2, leave_or_die, tmp_path))
