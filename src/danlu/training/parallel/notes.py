"""What a rank says while it works: files that others read, each whole or not there."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from danlu.models.parallel.group import TALK
from danlu.training.loop import StepReport

BEAT_SECONDS = 1.0
SILENT_SECONDS = 20 * BEAT_SECONDS
"""Without a beat for so long, a rank is taken for frozen."""
STACK_FRAMES = 12
"""Of the innermost ones that a heartbeat shows."""


@dataclass
class Beat:
    """How a rank is, as it says itself about once a second."""

    rank: int
    host: str
    pid: int
    attempt: int
    """How often the ranks have been started again."""
    step: int = 0
    """Steps made."""
    at: float = 0.0
    """When this was written, seconds since 1970."""
    cpu_seconds: float = 0.0
    """That the process has used."""
    talk: str = "nothing"
    """What it last said to other ranks."""
    talk_number: int = 0
    """How many times it has begun to."""
    is_waiting: bool = False
    """Whether others have not answered."""
    stack: str = ""
    """Where its main thread is."""

    @property
    def where(self) -> str:
        """For people."""
        return f"rank {self.rank} (host {self.host}, process {self.pid})"

    @property
    def doing(self) -> str:
        """For people."""
        talk = f"{'in' if self.is_waiting else 'after'} collective {self.talk_number}, {self.talk}"
        return f"in step {self.step + 1}, {talk}"


class Heart:
    """Writes a rank's beats from a thread, which goes on while the main thread waits for others.

    Args:
        folder: Where they are written.
        rank: Whose.
        attempt: See `Beat`.
    """

    def __init__(self, folder: Path, rank: int, attempt: int) -> None:
        self.beat = Beat(rank, socket.gethostname(), os.getpid(), attempt)
        self._path = folder / f"beat-{rank}.json"
        self._stop = threading.Event()
        self._main = threading.main_thread().ident
        self._thread = threading.Thread(target=self._go_on, name="heart", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def after_step(self, report: StepReport) -> None:
        """Observer: note how far training is."""
        self.beat.step = report.step

    def _go_on(self) -> None:
        while True:
            self.beat.at, self.beat.cpu_seconds = time.time(), time.process_time()
            self.beat.talk, self.beat.talk_number = TALK.what or "nothing", TALK.number
            self.beat.is_waiting = TALK.is_waiting
            self.beat.stack = stack_of(sys._current_frames().get(self._main or 0))
            replace_json(self._path, asdict(self.beat))
            if self._stop.wait(BEAT_SECONDS):
                return


def stack_of(frame: FrameType | None) -> str:
    """The innermost frames, outermost first."""
    return "".join(traceback.format_stack(frame)[-STACK_FRAMES:]) if frame else ""


def read_beats(folder: Path, attempt: int) -> dict[int, Beat]:
    """The newest of each rank, of one attempt."""
    beats = [Beat(**content) for path in folder.glob("beat-*.json") if (content := read_json(path))]
    return {beat.rank: beat for beat in beats if beat.attempt == attempt}


def replace_json(path: Path, content: Any) -> None:
    """Write a file that is never seen half."""
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.write_text(json.dumps(content), encoding="utf-8")
    os.replace(aside, path)


def read_json(path: Path) -> Any:
    """Its content; None while it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
