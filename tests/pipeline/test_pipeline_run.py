"""Runs of toy recipes: what is made, what is reused, what is recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import toys

from danlu.artifacts.manifest import artifact_id
from danlu.artifacts.stage import Estimate, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.errors import UserError
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.run import RunResult, plan_recipe, run_recipe
from danlu.settings import Workspace

Write = Callable[[str], Path]


@pytest.fixture
def run(workspace: Workspace, recipe_file: Write) -> Callable[..., RunResult]:
    def run_toy(text: str = toys.RECIPE, overrides: Sequence[str] = (), **options: Any) -> RunResult:
        recipe = load_recipe(recipe_file(text), overrides, toys.TABLE)
        return run_recipe(recipe, workspace, options.get("listeners", []))

    return run_toy


Run = Callable[..., RunResult]


def ids(result: RunResult) -> dict[str, str]:
    return {name: stage.artifact.id for name, stage in result.stages.items()}


def cached(result: RunResult) -> list[str]:
    return [name for name, stage in result.stages.items() if stage.cached]


def test_makes_everything_once(run: Run) -> None:
    first, second = run(), run()
    assert first.stages["proof"].facts == {"totals": {"sum": 20.0, "other": 30.0}}
    assert cached(first) == []
    assert cached(second) == ["rows", "sum", "other", "proof"]
    assert ids(first) == ids(second)


def test_manifest_tells_where_it_came_from(run: Run, workspace: Workspace) -> None:
    result = run()
    manifest = result.stages["proof"].artifact.manifest
    assert [(p.field, p.name, p.kind, p.id, p.part) for p in manifest.parents] == [
        ("models", "sum", "model", ids(result)["sum"], None),
        ("models", "other", "model", ids(result)["other"], None),
    ]
    rows = result.stages["sum"].artifact.manifest
    assert (rows.parents[0].part, rows.settings["factor"], rows.stage, rows.name) == ("train", 2, "toy-sum", "sum")
    assert manifest.environment["danlu"]
    assert manifest.environment["python"]
    assert manifest.seconds >= 0
    assert manifest.peak_memory_bytes > 0
    for artifact in ArtifactStore(workspace.artifacts).all():
        about = artifact.manifest
        assert about.id == artifact_id(
            kind=about.kind,
            stage=about.stage,
            stage_version=about.stage_version,
            settings=about.settings,
            parents=about.parents,
            sources=about.sources,
        )


def test_names_do_not_matter_but_order_parts_and_settings_do(run: Run) -> None:
    original = ids(run())
    renamed = (
        toys.RECIPE.replace("sum:", "total:")
        .replace("[sum,", "[total,")
        .replace("rows", "lines")
        .replace("toy-lines", "toy-rows")
    )
    assert list(ids(run(renamed)).values()) == list(original.values())
    swapped = ids(run(toys.RECIPE.replace("[sum, other]", "[other, sum]")))
    assert {name for name in original if original[name] != swapped[name]} == {"proof"}
    part = ids(run(toys.RECIPE.replace("rows.train", "rows.test")))
    assert {name for name in original if original[name] != part[name]} == {"sum", "proof"}
    setting = ids(run(overrides=["rows.count=6"]))
    assert {name for name in original if original[name] != setting[name]} == set(original)


def test_version_of_a_stage_matters(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ids(run())
    monkeypatch.setattr("toy_sum.VERSION", 2)
    assert {name for name, identity in ids(run()).items() if identity != original[name]} == {"sum", "other", "proof"}


def test_sources_are_known_by_content(run: Run, tmp_path: Path) -> None:
    text = "name: toy\nstages:\n  rows: {do: toy-rows, from: [a.txt, b.txt]}\n"
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    first = run(text)
    assert json.loads((first.stages["rows"].path / "train.json").read_text()) == [0, 1, 2, "one", "two"]
    assert [source.num_bytes for source in first.stages["rows"].artifact.manifest.sources] == [3, 3]
    (tmp_path / "c.txt").write_text("two")
    assert cached(run(text.replace("b.txt", "c.txt"))) == ["rows"]
    (tmp_path / "b.txt").write_text("other")
    assert cached(run(text)) == []
    (tmp_path / "b.txt").unlink()
    with pytest.raises(UserError, match=r"recipe.yaml:3: rows.from: .*b\.txt"):
        run(text)


def test_artifacts_by_id_and_by_path(run: Run, workspace: Workspace) -> None:
    made = run()
    identity, path = ids(made)["rows"], made.stages["rows"].path
    by_id = run(f"name: b\nstages:\n  it: {{do: toy-sum, data: 'artifact:{identity[:12]}.train', factor: 2}}\n")
    assert ids(by_id)["it"] == ids(made)["sum"]
    text = "name: c\nstages:\n  it: {do: toy-compare, models: [%s]}\n"
    by_path = run(text % made.stages["sum"].path)
    assert by_path.stages["it"].artifact.manifest.parents[0].id == ids(made)["sum"]
    with pytest.raises(UserError, match=r"recipe.yaml:3: it.models needs a model, and '.*' is examples"):
        run(text % path)
    with pytest.raises(UserError, match=r"recipe.yaml:3: it.models: there is no artifact at /nowhere"):
        run(text % "/nowhere")
    with pytest.raises(UserError, match=r"recipe.yaml:3: it.models: Artifact 'ffff' is not in this workspace"):
        run(text % "'artifact:ffff'")


def test_records_what_was_foretold_and_what_it_took(run: Run, workspace: Workspace, recipe_file: Write) -> None:
    plan = plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
    assert [(stage.name, stage.cached) for stage in plan.stages] == [
        ("rows", False),
        ("sum", False),
        ("other", False),
        ("proof", False),
    ]
    assert plan.stages[0].notes == ["5 rows"]
    assert plan.total.disk_bytes == 2200
    saved = json.loads((workspace.runs / "toy" / "plan.json").read_text())
    assert saved == json.loads(json.dumps(plan.to_json()))

    result = run()
    assert cached(result) == ["rows"], "a stage that prepares data was made while planning"
    assert all(stage.predicted and stage.predicted.peak_memory_bytes == 2**32 for stage in result.stages.values())
    record = json.loads((workspace.runs / "toy" / "run.json").read_text())
    assert record["state"] == "done"
    assert record["stages"]["sum"]["state"] == "done"
    assert record["stages"]["rows"]["state"] == "cached"
    assert record["stages"]["sum"]["predicted"]["disk_bytes"] == 1000
    assert record["stages"]["sum"]["artifact"] == ids(result)["sum"]
    again = run()
    assert all(stage.predicted for stage in again.stages.values())


def test_plan_of_what_is_there_still_shows_the_data(run: Run, workspace: Workspace, recipe_file: Write) -> None:
    run()
    plan = plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
    assert all(stage.cached for stage in plan.stages)
    assert plan.stages[0].notes == ["5 rows"]
    assert plan.total.seconds == 0


def test_stage_that_must_see_its_input_is_asked_when_it_is_there(
    run: Run, workspace: Workspace, recipe_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(config: toys.CompareConfig, context: StageContext) -> Estimate:
        size = len((context.inputs["models"][0].path / "total.json").read_bytes())
        return Estimate(seconds=1, peak_memory_bytes=10, disk_bytes=size)

    monkeypatch.setattr("toy_compare.plan", plan)
    planned = plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
    assert planned.stages[-1].predicted is None
    assert planned.stages[-1].notes == ["can be foretold only when sum is made"]
    predicted = run().stages["proof"].predicted
    assert predicted
    assert predicted.disk_bytes == 4


def test_stages_behind_one_that_cannot_be_foretold_wait_with_it(
    run: Run, workspace: Workspace, recipe_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(config: toys.SumConfig, context: StageContext) -> Estimate:
        assert context.input("data").path
        return toys.sum_plan(config, context)

    def compare(config: toys.CompareConfig, context: StageContext) -> Estimate:
        size = sum(model.facts.get("total", 0) for model in context.inputs["models"])
        return Estimate(seconds=1, peak_memory_bytes=10, disk_bytes=size)

    monkeypatch.setattr("toy_rows.PREPARES", False)
    monkeypatch.setattr("toy_sum.plan", plan)
    monkeypatch.setattr("toy_compare.plan", compare)
    planned = plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
    assert [stage.notes for stage in planned.stages[1:]] == [
        ["can be foretold only when rows is made"],
        ["can be foretold only when rows is made"],
        ["can be foretold only when sum is made"],
    ]
    assert run().stages["proof"].predicted


def test_memory_that_is_not_there_is_a_warning(
    workspace: Workspace, recipe_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        total = 10**7

    monkeypatch.setattr("danlu.pipeline.plan.psutil.virtual_memory", Memory)
    plan = plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
    assert plan.stages[1].notes == ["Warning: needs 4.0 GiB of memory; this machine has 9.5 MiB."]


def test_disk_that_is_not_there_ends_it_before_anything_runs(run: Run) -> None:
    with pytest.raises(UserError, match="Not enough disk: the rest of 'toy' needs"):
        run(overrides=["sum.disk_bytes=1000000000000000000"])


def test_events_and_recipe_are_kept(run: Run, workspace: Workspace, reporter: Any) -> None:
    run(listeners=[reporter], overrides=["sum.factor=4"])
    names = [event["event"] for event in reporter.events]
    assert names[0] == "run_started"
    assert names[-1] == "run_finished"
    assert reporter.warnings == ["2 models compared"]
    lines = (workspace.runs / "toy" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == names
    kept = load_recipe(workspace.runs / "toy" / "recipe.yaml", [], toys.TABLE)
    assert kept.stages["sum"].config.model_dump()["factor"] == 4


def test_json_of_a_run(run: Run) -> None:
    content = json.loads(json.dumps(run().to_json()))
    assert set(content) == {"run", "stages"}
    assert {"artifact", "path", "cached"} <= set(content["stages"]["sum"])
    assert Path(content["stages"]["sum"]["path"]).is_dir()


def test_release_is_registered(run: Run, workspace: Workspace) -> None:
    from danlu.registry.registry import Registry

    text = toys.RECIPE + "  release: {do: toy-release, name: toy-model, model: sum}\n"
    for _ in range(2):
        result = run(text)
        version = Registry.open(workspace).resolve("toy-model")
        assert (version.version, version.artifact_id) == (1, ids(result)["release"])


def test_changed_recipe_does_not_pick_up_old_checkpoints(run: Run, workspace: Workspace) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        run(overrides=["sum.fail=power cut"])
    assert run(overrides=["sum.factor=10"]).stages["sum"].facts == {"total": 100}


def test_names_matter_where_the_result_carries_them() -> None:
    """`Reference(named=True)` puts the names into the id, and only there."""
    from danlu.artifacts.manifest import Parent
    from danlu.pipeline.steps import _identity

    parent = Parent(field="models", name="base", kind="model", id="ab", part="x")
    assert _identity(parent, named=False) == "ab.x"
    assert _identity(parent, named=True) == "base=ab.x"


def test_settings_that_change_nothing_are_no_part_of_the_id(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toys.SumConfig, "NOT_IN_ID", frozenset({"seconds"}))
    first = run()
    again = run(overrides=["sum.seconds=0.01", "other.factor=4"])
    assert cached(again) == ["rows", "sum"]
    assert ids(first)["sum"] == ids(again)["sum"]
    assert again.stages["other"].artifact.manifest.settings["seconds"] == 0


def test_checkpoints_are_deleted_when_the_artifact_is_in_the_store(
    run: Run, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    sum_run = sys.modules["toy_sum"].run

    def run_with_checkpoints(config: Any, context: StageContext, out: Path) -> Any:
        (context.checkpoints / "step-1").mkdir(parents=True)
        made.append(context.checkpoints)
        return sum_run(config, context, out)

    def full_disk(path: Path) -> None:
        raise RuntimeError(f"cannot sync {path}")

    monkeypatch.setattr("toy_sum.run", run_with_checkpoints)
    with monkeypatch.context() as patched:
        run(overrides=["name=other"])
        patched.setattr("danlu.artifacts.store.sync_tree", full_disk)
        with pytest.raises(RuntimeError, match="cannot sync"):
            run(overrides=["sum.factor=5"])
    assert [path.exists() for path in made] == [False, False, True], "what was trained would be lost"
    made[-1].joinpath("step-1").rmdir()
    made[-1].rmdir()
    run(overrides=["sum.factor=5"])
    assert not made[-1].exists()
    made[-1].mkdir()
    run(overrides=["sum.factor=5"])
    assert not made[-1].exists(), "as after a kill between publishing and deleting"
