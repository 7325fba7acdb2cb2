"""``kill -9`` at any moment: run again, and everything is as if nothing had happened. Two runs at once: one waits."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toys

COMMAND = [sys.executable, str(Path(__file__).parent / "toy_command.py")]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "DANLU_CACHE"}
SLOW = ["--set", "sum.seconds=0.5", "--set", "other.seconds=0.3"]
NUM_KILLS = 8


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=directory,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def payloads(workspace: Path) -> dict[str, str]:
    """Hash of every file of every artifact, without what tells the time."""
    found = {}
    for path in sorted((workspace / "artifacts").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.name == "artifact.json":
                manifest = json.loads(content)
                content = json.dumps({**manifest, "created": 0, "seconds": 0, "peak_memory_bytes": 0}).encode()
            found[str(path.relative_to(workspace))] = hashlib.sha256(content).hexdigest()
    return found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(toys.RECIPE, encoding="utf-8")
    return tmp_path


def wait_for(condition: object, process: subprocess.Popen[str], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_runs_go_on(directory: Path) -> None:
    undisturbed = start(directory, "run", "recipe.yaml", "--workspace", "whole", *SLOW)
    began = time.monotonic()
    undisturbed.communicate()
    seconds = time.monotonic() - began
    assert undisturbed.returncode == 0
    choose = random.Random(7)
    for _ in range(NUM_KILLS):
        process = start(directory, "run", "recipe.yaml", "--workspace", "broken", *SLOW)
        time.sleep(choose.uniform(0.1, seconds * 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = start(directory, "run", "recipe.yaml", "--workspace", "broken", "--json", *SLOW)
    out, err = last.communicate()
    assert last.returncode == 0, err
    assert payloads(directory / "broken") == payloads(directory / "whole")
    assert set(json.loads(out.splitlines()[-1])["stages"]) == {"rows", "sum", "other", "proof"}


def test_killed_run_is_seen_and_resumed(directory: Path) -> None:
    record = directory / "workspace/runs/toy/run.json"
    process = start(directory, "run", "recipe.yaml", "--set", "sum.seconds=2")
    wait_for(lambda: list(directory.glob("workspace/runs/toy/stages/sum/*/checkpoint.json")), process)
    process.kill()
    process.communicate()
    status = start(directory, "status", "--json")
    state = json.loads(status.communicate()[0])
    assert (state["state"], state["stages"]["sum"]["state"]) == ("killed", "killed")
    again = start(directory, "run", "recipe.yaml", "--set", "sum.seconds=2", "--json")
    out, err = again.communicate()
    assert again.returncode == 0, err
    stages = json.loads(out.splitlines()[-1])["stages"]
    assert stages["rows"]["cached"]
    assert stages["sum"]["resumed"]
    assert stages["sum"]["seconds"] < 1.9
    assert json.loads(record.read_text())["state"] == "done"


def test_only_one_run_of_a_name(directory: Path) -> None:
    first = start(directory, "run", "recipe.yaml", "--set", "sum.seconds=60")
    record = directory / "workspace/runs/toy/run.json"
    wait_for(lambda: record.exists() and '"running",\n      "artifact"' in record.read_text(), first)
    second = start(directory, "run", "recipe.yaml")
    _, err = second.communicate()
    assert second.returncode == 2
    assert f"The run 'toy' is already going on in this workspace (process {first.pid})." in err
    status = start(directory, "status", "toy", "--json")
    assert json.loads(status.communicate()[0])["state"] == "running"
    other = start(directory, "run", "recipe.yaml", "--set", "name=other", "--json")
    assert other.communicate()
    assert other.returncode == 0
    first.send_signal(signal.SIGINT)
    _, err = first.communicate()
    assert first.returncode == 130
    assert err.splitlines()[-1] == "danlu: Stopped by Ctrl-C; what was finished is kept. " + (
        "Go on with: danlu run recipe.yaml --set sum.seconds=60"
    )
    third = start(directory, "run", "recipe.yaml", "--json")
    third.communicate()
    assert third.returncode == 0
