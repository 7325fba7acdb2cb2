"""What job files are asked to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.pipeline.jobs.request import check_layouts, foretold_memory, parse_memory, parse_time
from danlu.settings import Workspace
from job_recipe import request


@pytest.mark.parametrize(
    ("text", "num_bytes"),
    [
        ("64GiB", 64 << 30),
        ("64G", 64 << 30),
        ("64gb", 64 << 30),
        ("1.5T", 3 << 39),
        ("500 M", 500 << 20),
        ("1024", 1024),
    ],
)
def test_amounts_of_memory(text: str, num_bytes: int) -> None:
    assert parse_memory(text) == num_bytes


@pytest.mark.parametrize("text", ["much", "-1G", "0", "64 elephants", ""])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UserError, match="no amount of memory"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("12:00:00", 43_200), ("2-12:00:30", 216_030), ("0:00:01", 1), ("100:00:00", 360_000)]
)
def test_lengths_of_time(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["soon", "12", "12:00", "00:00:00", "1:99:00"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UserError, match="no length of time"):
        parse_time(text)


def test_memory_by_the_last_plan(workspace: Workspace, tmp_path: Path) -> None:
    recipe = request(tmp_path).recipe
    assert foretold_memory(recipe, workspace, 4) is None
    stages = {
        "poems": {"predicted": None},
        "blank": {"predicted": {"peak_memory_bytes": 3 << 29}},
        "poet": {"predicted": {"peak_memory_bytes": 1 << 30}},
    }
    directory = workspace.runs / recipe.name
    directory.mkdir(parents=True)
    (directory / "plan.json").write_text(json.dumps({"stages": stages}))
    assert foretold_memory(recipe, workspace, 4) == 5 << 30
    assert foretold_memory(recipe, workspace, 1) == 15 << 27
    divided = request(tmp_path, overrides=["poet.parallel={shard: 4}"]).recipe
    assert foretold_memory(divided, workspace, 8) == 5 << 29


@pytest.mark.parametrize(
    ("overrides", "processes", "what"),
    [
        ([], 4, None),
        ([], 8, None),
        ([], 16, r"poet has 8 passes in a step \(8 rows, 1 at once\), and 16 processes would share them"),
        (["poet.batch.rows_at_once=4"], 4, "poet has 2 passes in a step"),
        (["poet.parallel={tensor: 2, shard: 2}"], 16, None),
        (["poet.parallel={tensor: 2, shard: 2}"], 6, r"6 processes cannot be divided by 4, .* \(shard 2 x tensor 2\)"),
        (["poet.parallel={tensor: 2, shard: 2}"], 32, "16 processes would share them"),
        (["poet.budget={minutes: 10}"], 2, "poet.budget.minutes is for one process, and the job has 2"),
        (["poet.budget={minutes: 10}"], 1, None),
        (["poet.parallel={auto: true}"], 16, None),
        (["poet.apart={copies: 4}"], 2, "poet trains 4 copies apart, and the job has 2 processes"),
        (["poet.apart={copies: 4}"], 4, None),
    ],
)
def test_processes_must_divide_what_there_is(
    tmp_path: Path, overrides: list[str], processes: int, what: str | None
) -> None:
    asked = request(tmp_path, num_nodes=1, processes_per_node=processes, overrides=overrides)
    if what is None:
        check_layouts(asked)
    else:
        with pytest.raises(UserError, match=what):
            check_layouts(asked)
