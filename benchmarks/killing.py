"""A training that can be started in a moment and killed at any: what `prove_kills` does it with.

The process that uses this must have started no thread, since it forks.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY
from danlu.artifacts.store import hash_file
from danlu.cli.main import run_cli
from danlu.pipeline.record import read_json
from danlu.telemetry.metrics import read_metrics, read_steps

RECIPE = REPOSITORY / "benchmarks" / "kills.yaml"
STAGE = "tuned"
RUN = Path("runs") / "kills"
POLL_SECONDS = 0.0002
LONGEST_DELAY_SECONDS = 0.003
"""After something short was seen to begin."""

Moment = Callable[[], bool]
"""Asked again and again; True when it has come."""


@dataclass(frozen=True)
class Lab:
    """Where trials are made, and what the undisturbed run left."""

    directory: Path
    template: Path
    """A workspace with everything but the trained model."""
    markers: dict[str, dict[str, str]]
    """Of the undisturbed run's checkpoints, by name: the SHA-256 of each file."""
    model_sha256: str
    checkpoint_bytes: int
    seconds: float
    """How long the training stage alone takes, undisturbed."""

    @property
    def log(self) -> Path:
        """What the command says. Not in the workspace, whose disk may be full."""
        return self.directory / "log.txt"

    @property
    def num_steps(self) -> int:
        return len(self.markers) + 1

    def new_workspace(self, parent: Path | None = None) -> Path:
        return Path(shutil.copytree(self.template, (parent or self.directory) / "workspace"))

    def moment(self, aim: str, choose: random.Random, run: Run) -> Moment:
        """A moment that is drawn now: of `AIMS`, or any."""
        if aim in AIMS:
            return AIMS[aim].moment(choose, run)
        end = time.monotonic() + choose.uniform(0, self.seconds)
        return lambda: time.monotonic() >= end

    def harm_of_finished(self, workspace: Path, status: int) -> list[str]:
        """What is wrong with a run that was let finish."""
        if status != 0:
            return [f"it did not finish: exit status {status}"]
        found = model_sha256(workspace)
        return [] if found == self.model_sha256 else [f"the model has sha256 {found}"]


@dataclass
class Run:
    """One start of the command in a workspace."""

    lab: Lab
    workspace: Path
    harm: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._leftovers = self.leftovers()
        self._newest = max(self.checkpoints(), default=0)
        self._num_events = len(self.events())
        self._metrics_before = [path.stat().st_ino for path in self.metrics()]
        self._status: int | None = None
        self._process = start(self.workspace, self.lab.log)

    def killed_at(self, moment: Moment) -> int | None:
        """Kill at `moment`; None, or the exit status if the run was over before."""
        status = self.wait_for(moment)
        if status is None:
            self.kill()
            self._look()
        return status

    def kill(self) -> None:
        """Kill it, if it is not over."""
        if self.wait_for(lambda: True) is None:
            os.kill(self._process, signal.SIGKILL)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])

    def finish(self) -> int:
        """Let it come to its end; returns its exit status."""
        status = self.wait_for(lambda: False)
        self._look()
        assert status is not None
        return status

    def wait_for(self, moment: Moment) -> int | None:
        """Wait for `moment`; None, or the exit status if the run was over before."""
        while self._status is None:
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._status = os.waitstatus_to_exitcode(status)
            elif moment():
                return None
            time.sleep(POLL_SECONDS)
        return self._status

    def _look(self) -> None:
        """Hold every checkpoint against the undisturbed run's, and what was gone on from against what there was."""
        for step, path in self.checkpoints().items():
            try:
                marker = json.loads((path / "complete.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                marker = None
            if marker != self.lab.markers[f"step-{step}"]:
                self.harm.append(f"{path.name} is not the undisturbed run's")
            elif {name: hash_file(path / name) for name in marker} != marker:
                self.harm.append(f"{path.name} is damaged")
        for message in self.messages():
            found = re.search(r"Going on from the checkpoint of step (\d+)", message)
            if found and int(found.group(1)) != self._newest:
                self.harm.append(f"it went on from step {found.group(1)}, not {self._newest}")
            if "passed over" in message:
                self.harm.append(message)

    def facts(self) -> dict[str, Any]:
        return {
            "hit": self.what_was_hit(),
            "steps": self.steps_made(),
            "checkpoints": sorted(self.checkpoints()),
            "harm": self.harm,
        }

    def what_was_hit(self) -> str:
        """By what is to be seen in the workspace. While a checkpoint is written or deleted, training goes on."""
        new = [name for name, _ in self.leftovers() - self._leftovers]
        for beginning, what in ((".removed", "deleting a checkpoint"), (".partial", "writing a checkpoint")):
            if any(name.startswith(beginning) for name in new):
                return what
        if self.is_publishing():
            return "publishing the model"
        if (state := self.state()) != "running":
            return "before the stage" if state == "pending" else "after the stage"
        # The metrics are written anew when training goes on, and a line is added after each step.
        went_on = [path.stat().st_ino for path in self.metrics()] != self._metrics_before
        return "steps" if went_on and self.steps_made() > self._newest else "loading"

    def _paths(self, pattern: str) -> list[Path]:
        """What is there now. A directory may go between being found and being read; then they are looked for again."""
        while True:
            with suppress(FileNotFoundError):
                return list(self.workspace.glob(pattern))

    def leftovers(self) -> set[tuple[str, int]]:
        """Name and inode of checkpoints that are half written or half deleted."""
        found = set()
        for path in self._paths(f"{RUN}/stages/{STAGE}/*/*/.*"):
            with suppress(OSError):
                found.add((path.name, path.stat().st_ino))
        return found

    def checkpoints(self) -> dict[int, Path]:
        """By step."""
        paths = self._paths(f"{RUN}/stages/{STAGE}/*/*/step-*")
        return {int(path.name.removeprefix("step-")): path for path in paths}

    def state(self) -> str:
        """Of the stage, as this process recorded it."""
        record = read_json(self.workspace / RUN / "run.json")
        return str(record["stages"][STAGE]["state"]) if record and record["pid"] == self._process else "pending"

    def is_publishing(self) -> bool:
        """Whether the model is being written or hashed."""
        return bool(self._paths("artifacts/model/.partial-*/*"))

    def steps_made(self) -> int:
        return max((record["step"] for path in self.metrics() for record in read_steps(path)), default=0)

    def metrics(self) -> list[Path]:
        return self._paths(f"{RUN}/stages/{STAGE}/*/metrics.jsonl")

    def events(self) -> list[dict[str, Any]]:
        return read_metrics(self.workspace / RUN / "events.jsonl")

    def messages(self) -> list[str]:
        return [event["message"] for event in self.events()[self._num_events :] if "message" in event]

    def warnings(self) -> int:
        return sum(event["event"] == "warning" for event in self.events()[self._num_events :])

    def said(self) -> str:
        """What the command wrote to its terminal."""
        return self.lab.log.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Aim:
    """Something short to kill in."""

    look: Callable[[Run], set[Any]]
    """What is to be seen of it; new things each time it happens."""
    most: int
    """How many times it is let happen at most before the kill."""

    def moment(self, choose: random.Random, run: Run) -> Moment:
        """A few milliseconds after it began, for a number of times that is drawn now."""
        seen = set(self.look(run))
        wanted = len(seen) + choose.randrange(1, self.most + 1)
        delay = choose.uniform(0, LONGEST_DELAY_SECONDS)

        def has_come() -> bool:
            seen.update(self.look(run))
            if len(seen) < wanted:
                return False
            time.sleep(delay)
            return True

        return has_come


AIMS = {
    "writing": Aim(lambda run: {name for name in run.leftovers() if name[0].startswith(".partial")}, most=10),
    "deleting": Aim(lambda run: {name for name in run.leftovers() if name[0].startswith(".removed")}, most=10),
    "publishing": Aim(lambda run: {"published"} if run.is_publishing() else set(), most=1),
}


def make_lab(directory: Path) -> Lab:
    """Run the recipe undisturbed, keeping every checkpoint, and again from the stage that will be killed."""
    workspace, log = directory / "undisturbed", directory / "log.txt"
    modules = directory / "modules.json"
    # Saving less or more never changes the result; the settings of checkpoints are no part of the artifact's id.
    process = start(workspace, log, "--set", f"{STAGE}.checkpoint.keep_every_steps=1", modules=modules)
    expect_success(process, log)
    # What a run imports on its way, the forked ones will find imported.
    for name in json.loads(modules.read_text(encoding="utf-8")):
        with suppress(Exception):
            importlib.import_module(name)
    kept = list(workspace.glob(f"{RUN}/stages/{STAGE}/*/kept/step-*"))
    markers = {path.name: json.loads((path / "complete.json").read_text(encoding="utf-8")) for path in kept}
    expected = model_sha256(workspace)
    checkpoint_bytes = sum(path.stat().st_size for path in kept[0].iterdir())
    shutil.rmtree(trained_model(workspace))
    shutil.rmtree(workspace / "runs")
    template = workspace.rename(directory / "template")
    lab = Lab(directory, template, markers, expected, checkpoint_bytes, seconds=0.0)
    again = lab.new_workspace()
    started = time.monotonic()
    expect_success(start(again, log), log)
    seconds = time.monotonic() - started
    if model_sha256(again) != expected:
        sys.exit("two undisturbed runs differ")
    shutil.rmtree(again)
    return Lab(directory, template, markers, expected, checkpoint_bytes, seconds)


def start(workspace: Path, log: Path, *settings: str, modules: Path | None = None) -> int:
    """Fork a process that runs the command in `workspace`; returns its number.

    Args:
        workspace: Where.
        log: What it says.
        settings: More arguments of ``danlu run``.
        modules: Where to write the names of all imported modules when it is done.
    """
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()  # so that the forked process need not look at all that is imported
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        status = run_cli(["run", str(RECIPE), "--workspace", str(workspace), "--quiet", *settings])
        if modules:
            modules.write_text(json.dumps(list(sys.modules)), encoding="utf-8")
    finally:
        os._exit(status)


def expect_success(process: int, log: Path) -> None:
    _, status = os.waitpid(process, 0)
    if status != 0:
        sys.exit(f"the undisturbed run ended with {status}:\n{log.read_text(encoding='utf-8')}")


def trained_model(workspace: Path) -> Path:
    """Directory of the artifact that the killed stage makes."""
    for manifest in workspace.glob("artifacts/model/*/artifact.json"):
        if json.loads(manifest.read_text(encoding="utf-8"))["name"] == STAGE:
            return manifest.parent
    raise FileNotFoundError(f"no trained model in {workspace}")


def model_sha256(workspace: Path) -> str:
    return hash_file(trained_model(workspace) / "model.safetensors")
