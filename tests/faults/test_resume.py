"""A training that was killed or stopped is run again: the adapter has the same bits. `make prove-resume` does this with
the real recipe at random moments, `make prove-kills` at many."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from danlu.artifacts.store import hash_file
from danlu.pipeline.status import read_status
from danlu.settings import Workspace
from danlu.telemetry.metrics import read_steps

DANLU = Path(sys.executable).with_name("danlu")
NUM_STEPS = 60
KILLED_AFTER_STEPS = (1, 23)

RECIPE = """
name: tiny
stages:
  base: {do: import, from: "file:MODEL"}
  rows:
    do: clean
    from: "file:rows.json"
    format: alpaca
    split: {validation: 0.1, test: 0.1, seed: 7}
  packed: {do: tokenize, data: rows, tokenizer: base, length: 128}
  tuned:
    do: train
    model: base
    data: packed
    adapter: {kind: lora, rank: 4, dropout: 0.1}
    budget: {steps: STEPS}
    batch: {rows: 2, rows_at_once: 1}
    precision: fp32
    checkpoint: {every_seconds: 0.05}
    seed: 7
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Path:
    """A recipe that trains the tiny model on sums."""
    directory = tmp_path_factory.mktemp("resume")
    rows = [
        {"instruction": f"What is {a} plus {b}?", "input": "", "output": f"{a} plus {b} is {a + b}."}
        for a in range(12)
        for b in range(12)
    ]
    (directory / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    text = RECIPE.replace("MODEL", str(tiny_model_dir)).replace("STEPS", str(NUM_STEPS))
    (directory / "recipe.yaml").write_text(text, encoding="utf-8")
    return directory / "recipe.yaml"


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hash of the adapter that is to come out."""
    return finish(recipe, tmp_path_factory.mktemp("undisturbed"))


def test_training_killed_twice_gives_the_same_bits(recipe: Path, tmp_path: Path, undisturbed: str) -> None:
    broken = tmp_path / "broken"
    for steps in KILLED_AFTER_STEPS:
        process = start(recipe, broken)
        wait_for_steps(process, broken, steps)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not list(broken.glob("artifacts/model/*/adapter_model.safetensors")), "killed too late"

    assert finish(recipe, broken) == undisturbed

    assert steps_recorded(broken) == list(range(1, NUM_STEPS + 1))
    events = (broken / "runs" / "tiny" / "events.jsonl").read_text(encoding="utf-8")
    assert "Going on from the checkpoint" in events


def test_training_stopped_twice_gives_the_same_bits(recipe: Path, tmp_path: Path, undisturbed: str) -> None:
    workspace = tmp_path / "stopped"
    for number, name, steps in ((signal.SIGTERM, "SIGTERM", 2), (signal.SIGINT, "Ctrl-C", 21)):
        process = start(recipe, workspace, "--set", "tuned.checkpoint.every_seconds=3600")
        wait_for_steps(process, workspace, steps)
        process.send_signal(number)
        out, err = process.communicate()
        assert process.returncode == 128 + number
        last = steps_recorded(workspace)[-1]
        what = f"Stopped by {name}; tuned is saved up to step {last} of {NUM_STEPS}."
        command = shlex.join(["danlu", *process.args[1:]])  # type: ignore[misc]
        assert err.splitlines()[-1] == f"danlu: {what} Go on with: {command}"
        assert json.loads(out.splitlines()[-1])["error"]["what"] == what
        (stage,) = workspace.glob("runs/tiny/stages/tuned/*")
        assert f"step-{last}" in [path.name for path in (stage / "checkpoints").iterdir()]
        assert read_status(Workspace.open(workspace), "tiny")["stages"]["tuned"]["state"] == "interrupted"
        assert not list(workspace.glob("artifacts/*/.*")), "nothing half made"
    # Other settings of checkpoints do not begin anew.
    assert finish(recipe, workspace) == undisturbed
    assert steps_recorded(workspace) == list(range(1, NUM_STEPS + 1))


def test_the_second_signal_ends_it_at_once(recipe: Path, tmp_path: Path) -> None:
    process = start(recipe, tmp_path)
    wait_for_steps(process, tmp_path, 1)
    os.kill(process.pid, signal.SIGSTOP)
    for number in (signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    os.kill(process.pid, signal.SIGCONT)
    _, err = process.communicate()
    assert process.returncode in (130, 143)  # which of the two the system hands over first is its affair
    assert "Go on with" not in err
    assert read_status(Workspace.open(tmp_path), "tiny")["state"] == "killed"


def start(recipe: Path, workspace: Path, *settings: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DANLU_CACHE"}
    return subprocess.Popen(
        [str(DANLU), "run", str(recipe), "--workspace", str(workspace), "--json", *settings],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def finish(recipe: Path, workspace: Path) -> str:
    """Run to the end; hash of the adapter."""
    process = start(recipe, workspace)
    out, err = process.communicate()
    assert process.returncode == 0, err
    adapter = Path(json.loads(out.strip().splitlines()[-1])["stages"]["tuned"]["path"])
    return hash_file(adapter / "adapter_model.safetensors")


def wait_for_steps(process: subprocess.Popen[str], workspace: Path, steps: int) -> None:
    """Wait until training has made so many steps."""
    while len(steps_recorded(workspace)) < steps:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def steps_recorded(workspace: Path) -> list[int]:
    """Steps in the metrics of the training stage, in the order of the file."""
    files = workspace.glob("runs/tiny/stages/tuned/*/metrics.jsonl")
    return [record["step"] for file in files for record in read_steps(file)]
