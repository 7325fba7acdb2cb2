"""What is said of ranks that died, froze or got stuck, from their notes and heartbeats."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from danlu.training.parallel import crew
from danlu.training.parallel.crew import Crew, Forge
from danlu.training.parallel.notes import Beat, replace_json

SIZE = 3


class FakeForge(Forge):
    """Says what a test wants it to say."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.size = folder, SIZE
        self.news: list[dict[str, int]] = [{"rank": rank, "pid": os.getpid()} for rank in range(SIZE)]

    def start(self, attempt: int) -> None:
        pass

    def said(self) -> list[dict[str, int]]:
        news, self.news = self.news, []
        return news


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeForge:
    monkeypatch.setattr(crew, "GRACE_SECONDS", 0.1)
    return FakeForge(tmp_path)


def beat(rank: int, **changes: Any) -> Beat:
    plain = Beat(rank, "host", 1000 + rank, 0, step=7, at=time.time(), talk="all-reduce of 5 numbers among 3 ranks")
    return replace(plain, talk_number=12, stack=f"stack of {rank}", **changes)


def write(forge: FakeForge, *beats: Beat) -> None:
    for each in beats:
        replace_json(forge.folder / f"beat-{each.rank}.json", asdict(each))


def test_the_one_without_a_last_word_is_to_blame(forge: FakeForge) -> None:
    watched = Crew(forge, 0)
    write(forge, *(beat(rank, is_waiting=True) for rank in range(SIZE)))
    for rank in (0, 2):
        note = {"attempt": 0, "rank": rank, "error": "RuntimeError: Connection closed by peer"}
        (forge.folder / f"failed-{rank}.json").write_text(json.dumps(note))
    forge.news += [{"rank": 0, "status": 1}, {"rank": 1, "status": -9}, {"rank": 2, "status": 1}]
    fault = watched.fault()
    assert fault is not None
    assert fault.what == (
        "rank 1 (host host, process 1001), in step 8, in collective 12, all-reduce of 5 numbers among 3 ranks,"
        " was ended by SIGKILL from outside"
    )
    assert fault.stack == "stack of 1"


def test_an_error_of_its_own_goes_before_errors_about_others(forge: FakeForge) -> None:
    watched = Crew(forge, 0)
    write(forge, *(beat(rank) for rank in range(SIZE)))
    errors = ["RuntimeError: Connection closed by peer", "ValueError: a fault", "RuntimeError: gloo said no"]
    for rank, error in enumerate(errors):
        (forge.folder / f"failed-{rank}.json").write_text(json.dumps({"attempt": 0, "rank": rank, "error": error}))
        forge.news.append({"rank": rank, "status": 1})
    fault = watched.fault()
    assert fault is not None
    assert fault.rank == 1
    assert fault.what.endswith("failed: ValueError: a fault")


def test_notes_of_an_earlier_attempt_do_not_count(forge: FakeForge) -> None:
    watched = Crew(forge, 1)
    (forge.folder / "failed-0.json").write_text(json.dumps({"attempt": 0, "rank": 0, "error": "old"}))
    write(forge, beat(0))
    forge.news.append({"rank": 0, "status": 1})
    fault = watched.fault()
    assert fault is not None
    assert fault.what == "rank 0, before its first word, was ended by itself with status 1"


def test_one_that_is_silent_is_frozen(forge: FakeForge) -> None:
    watched = Crew(forge, 0)
    write(forge, beat(0), beat(1), beat(2, at=time.time() - 21))
    fault = watched.fault()
    assert fault is not None
    assert fault.rank == 2
    assert "has not been heard of for 21 s; the system calls it" in fault.what


def test_one_that_does_nothing_while_all_wait_is_stuck(forge: FakeForge) -> None:
    watched = Crew(forge, 0)
    faults = []
    for _ in range(6):
        write(forge, beat(0, is_waiting=True), beat(1, cpu_seconds=3.0), beat(2, is_waiting=True))
        faults.append(watched.fault())
        watched._idle = {rank: (since - 10, used) for rank, (since, used) in watched._idle.items()}
        watched._listened -= 10
    assert faults[:4] == [None] * 4, "ten seconds later each"
    fault = faults[-1]
    assert fault is not None
    assert fault.rank == 1
    assert "does nothing for 50 s, and the others wait for it" in fault.what


def test_work_and_waiting_are_no_fault(forge: FakeForge) -> None:
    watched = Crew(forge, 0)
    for seconds in range(5):
        write(forge, beat(0, is_waiting=True), beat(1, cpu_seconds=3.0 + seconds), beat(2, is_waiting=True))
        assert watched.fault() is None
        watched._idle = {rank: (since - 30, used) for rank, (since, used) in watched._idle.items()}
    forge.news += [{"rank": rank, "status": 0} for rank in range(SIZE)]
    assert watched.are_done()
