"""The batch script: parsed by bash, judged by shellcheck where it is installed, and run beside a stand-in for Slurm."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from danlu.errors import UserError
from danlu.pipeline.jobs.slurm import SlurmOptions, render
from job_recipe import request

SETUP = ("module load gcc/13", "source ~/danlu/.venv/bin/activate")
DOCUMENTED = {
    "job-name": r"\S+",
    "nodes": r"\d+(-\d+)?",
    "ntasks-per-node": r"\d+",
    "cpus-per-task": r"\d+",
    "gpus-per-node": r"(\w+:)?\d+",
    "mem": r"\d+[KMGT]?",
    "time": r"(\d+-)?\d+(:\d\d){0,2}",
    "requeue": None,
    "signal": r"([RB]+:)?\w+(@\d+)?",
    "output": r"\S+",
    "open-mode": r"append|truncate",
    "partition": r"\S+",
}
"""Options of sbatch(1) and the form of their values."""
TORCHRUN = {"nnodes", "nproc-per-node", "rdzv-backend", "rdzv-endpoint", "rdzv-id", "max-restarts"}


def script(directory: Path, **changes: Any) -> str:
    return render(request(directory, **changes), SlurmOptions(SETUP, ("--partition=gpu",)), Path("job.sh"))


def sbatch_options(text: str) -> dict[str, str | None]:
    """As sbatch reads them: up to the first line that is neither a comment nor empty."""
    found: dict[str, str | None] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            break
        if line.startswith("#SBATCH"):
            (option,) = shlex.split(line.removeprefix("#SBATCH"))
            name, mark, value = option.removeprefix("--").partition("=")
            found[name] = value if mark else None
    return found


def test_every_option_is_one_of_sbatch(tmp_path: Path) -> None:
    found = sbatch_options(script(tmp_path))
    for name, value in found.items():
        form = DOCUMENTED[name]
        assert (value is None) == (form is None)
        assert form is None or re.fullmatch(form, value or ""), (name, value)
    assert found["nodes"] == "2"
    assert found["ntasks-per-node"] == "1"
    assert (found["cpus-per-task"], found["gpus-per-node"], found["mem"]) == ("32", "4", "65536M")
    assert found["time"] == "36:01:30"
    assert found["signal"] == "B:TERM@300"
    assert {"requeue", "open-mode", "partition"} <= set(found)


def test_what_is_not_asked_for_is_not_said(tmp_path: Path) -> None:
    text = render(request(tmp_path, gpus_per_node=0, memory_bytes=None, seconds=None), SlurmOptions(), file=None)
    assert not {"gpus-per-node", "mem", "time"} & set(sbatch_options(text))
    assert "# No --setup was given" in text


def test_bash_and_shellcheck_find_nothing(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text(script(tmp_path))
    assert subprocess.run(["bash", "-n", path], capture_output=True, text=True).stderr == ""
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    # A line of the user's own names a file that is not here.
    checked = subprocess.run([shellcheck, "--exclude=SC1090,SC1091", path], capture_output=True, text=True)
    assert checked.stdout == ""


def test_bad_options_of_sbatch_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'partition' is no option of sbatch"):
        render(request(tmp_path), SlurmOptions(sbatch=("partition",)), None)


SRUN = """\
#!{python}
import json, os, signal, sys, time
position = next(index for index, word in enumerate(sys.argv) if word == "torchrun")
told = {{"srun": sys.argv[1:position], "torchrun": sys.argv[position + 1:], "threads": os.environ["OMP_NUM_THREADS"]}}
def stop(number, frame):
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
open("told.json.partial", "w").write(json.dumps(told))
os.replace("told.json.partial", "told.json")
time.sleep(float(os.environ["SECONDS_OF_WORK"]))
sys.exit(int(os.environ.get("STATUS", "0")))
"""
SCONTROL = """\
#!/bin/sh
if [ "$1" = show ]; then printf 'gpu07\\ngpu08\\n'; else echo "$@" >> requeued; fi
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """A directory with the script and with a stand-in for Slurm's commands."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, content in {"srun": SRUN.format(python=sys.executable), "scontrol": SCONTROL}.items():
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    text = render(request(tmp_path, overrides=["poet.seed=7"]), SlurmOptions(["SET_UP=yes; export SET_UP"]), None)
    (tmp_path / "job.sh").write_text(text)
    return tmp_path


def start(cluster: Path, **environment: str) -> subprocess.Popen[str]:
    path = f"{cluster / 'bin'}{os.pathsep}{os.environ['PATH']}"
    slurm = {"PATH": path, "SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "gpu[07-08]"}
    return subprocess.Popen(
        ["bash", "job.sh"], cwd=cluster, env={**slurm, **environment}, text=True, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize("status", [0, 3])
def test_torchrun_is_started_on_each_node_and_its_status_is_the_jobs(cluster: Path, status: int) -> None:
    finished = start(cluster, SECONDS_OF_WORK="0", STATUS=str(status))
    finished.communicate(timeout=60)
    assert finished.returncode == status
    assert not (cluster / "requeued").exists()
    told = json.loads((cluster / "told.json").read_text())
    assert told["threads"] == "8"
    assert "--nodes=2" in told["srun"]
    assert "--ntasks-per-node=1" in told["srun"]
    module = told["torchrun"].index("-m")
    options = dict(option.removeprefix("--").split("=", 1) for option in told["torchrun"][:module])
    assert set(options) == TORCHRUN
    assert (options["nnodes"], options["nproc-per-node"]) == ("2", "4")
    assert re.fullmatch(r"gpu07:\d{5}", options["rdzv-endpoint"])
    assert told["torchrun"][module:] == [
        "-m", "danlu", "run", str(cluster / "it's mine.yaml"), "--workspace", str(cluster / "shared space"),
        "--set", "poet.seed=7",
    ]  # fmt: skip


def test_a_job_that_is_told_to_stop_queues_again(cluster: Path) -> None:
    job = start(cluster, SECONDS_OF_WORK="60")
    while not (cluster / "told.json").exists():
        time.sleep(0.05)
    job.send_signal(signal.SIGTERM)
    out, _ = job.communicate(timeout=60)
    assert job.returncode == 143
    assert "queues again" in out
    assert (cluster / "requeued").read_text() == "requeue 4711\n"
