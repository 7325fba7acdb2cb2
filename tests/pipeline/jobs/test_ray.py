"""The script for Ray: rendered, compiled, and run on a Ray of this machine where Ray is installed."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.pipeline.jobs.ray import RayOptions, render
from job_recipe import request


def test_the_script_calls_the_driver_with_what_was_asked_for(tmp_path: Path) -> None:
    asked = request(tmp_path, overrides=["poet.seed=7", 'poet.budget={"steps": 3}'])
    tree = ast.parse(render(asked, RayOptions(), None))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    call = next(node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "drive")
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert given == {
        "name": "house-poet",
        "recipe": str(asked.recipe.path),
        "workspace": str(asked.workspace),
        "overrides": ["poet.seed=7", 'poet.budget={"steps": 3}'],
        "num_workers": 8,
        "cpus_per_worker": 8,
        "gpus_per_worker": 1,
        "memory_per_worker": 16 << 30,
        "max_restarts": 3,
    }


def test_gpus_are_dealt_evenly(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="3 GPUs cannot be dealt to 2 processes"):
        render(request(tmp_path, gpus_per_node=3, processes_per_node=2), RayOptions(), None)


TRAINED_BY_TWO = """\
name: toy
stages:
  text: {do: clean, into: corpus, from: "poems.txt", documents: lines}
  words: {do: train_tokenizer, data: text, vocabulary_size: 280}
  base: {do: initialize, tokenizer: words, size: 2M, hidden_size: 32, num_layers: 1, context: 32}
  packed: {do: tokenize, data: text, tokenizer: words, length: 32}
  tuned:
    do: train
    objective: language_model
    model: base
    data: packed
    budget: {steps: 3}
    batch: {rows: 4}
    precision: fp32
    compile: false
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'danlu[ray]'")
def test_two_workers_of_a_real_ray_train_together(tmp_path: Path) -> None:
    lines = [f"{number} plus {number} are {2 * number}, and the furnace is warm.\n" for number in range(200)]
    (tmp_path / "poems.txt").write_text("".join(lines))
    one = {"num_nodes": 1, "processes_per_node": 2, "gpus_per_node": 0, "cpus_per_process": 1, "memory_bytes": None}
    (tmp_path / "job.py").write_text(
        render(request(tmp_path, TRAINED_BY_TWO, max_restarts=0, **one), RayOptions(), tmp_path / "job.py")
    )
    environment = {**os.environ, "TMPDIR": "/tmp"}  # sockets of Ray's have to have short names
    environment.pop("RAY_ADDRESS", None)
    finished = subprocess.run(
        [sys.executable, "job.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    manifests = (tmp_path / "shared space" / "artifacts" / "model").glob("*/artifact.json")
    (facts,) = (found["facts"] for path in manifests if (found := json.loads(path.read_text()))["stage"] == "train")
    assert facts["parallel"] == {"data": 2}
    assert facts["num_steps"] == 3
