"""``danlu job``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from job_recipe import RECIPE

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(toy_cli: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "poet.yaml").write_text(RECIPE)
    return toy_cli


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (["--for", "slrum"], "--for 'slrum' is no scheduler that Danlu knows.", "Did you mean 'slurm'?"),
        (["--for", "kubernetes"], "--for kubernetes needs the image of a container", "Give --image"),
        (["--for", "ray", "--image", "x"], "--image goes with --for kubernetes, not with --for ray.", "out"),
        (["--for", "slurm", "--memory", "lots"], "--memory 'lots' is no amount of memory.", "64GiB"),
        (["--for", "slurm", "--time", "12"], "--time '12' is no length of time.", "12:00:00"),
        (["--for", "slurm", "--out", "nowhere/job.sh"], "--out nowhere/job.sh cannot be written", "directory"),
        (["--for", "ray", "--gpus-per-node", "3", "--processes-per-node", "2"], "3 GPUs cannot be dealt", "multiple"),
        (["--for", "slurm", "--nodes", "0"], "0 is not in the range", "--help"),
    ],
)
def test_mistakes_are_said_in_two_lines(cli: Cli, arguments: list[str], what: str, hint: str) -> None:
    status, out, err = cli("job", "poet.yaml", *arguments)
    assert (status, out) == (2, "")
    assert what in err
    assert hint in err
    assert len(err.strip().splitlines()) == 2


def test_a_recipe_without_training_needs_no_cluster(cli: Cli) -> None:
    status, _, err = cli("job", "recipe.yaml", "--for", "slurm")
    assert status == 2
    assert "The recipe 'toy' has no train stage" in err


def test_it_is_printed_or_written(cli: Cli, tmp_path: Path) -> None:
    status, printed, err = cli("job", "poet.yaml", "--for", "slurm", "--nodes", "2", "--memory", "8G")
    assert status == 0
    assert printed.startswith("#!/bin/bash\n")
    assert err == "memory: 8.0 GiB a node, as given\n"
    status, out, err = cli("job", "poet.yaml", "--for", "slurm", "--nodes", "2", "--out", "job.sh")
    assert (status, out) == (0, "job.sh is written. Hand it over with: sbatch job.sh\n")
    assert "run danlu plan first, or give --memory" in err
    assert "#   sbatch job.sh" in (tmp_path / "job.sh").read_text()


def test_one_process_for_each_gpu(cli: Cli) -> None:
    status, out, _ = cli("job", "poet.yaml", "--for", "slurm", "--gpus-per-node", "4", "--json")
    assert status == 0
    found = json.loads(out.splitlines()[-1])
    assert found["scheduler"] == "slurm"
    assert "--nproc-per-node=4" in found["content"]
    assert (found["file"], found["submit"]) == (None, None)
