"""``danlu models``: what programs read, and that people see the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from danlu.artifacts.manifest import Manifest, Parent, SourceRecord
from danlu.artifacts.store import ArtifactStore
from danlu.cli.models import app
from danlu.errors import UserError
from danlu.registry.registry import Registry
from danlu.settings import Workspace

EVALUATION = {
    "loss": {"base": 2.0, "tuned": 1.5},
    "loss_interval": {"base": [1.9, 2.1], "tuned": [1.4, 1.6]},
    "perplexity": {"base": 7.389, "tuned": 4.482},
    "difference": {"tuned": {"mean": -0.5, "interval": [-0.6, -0.4], "p_value": 0.0002}},
    "num_rows": 91,
}


@pytest.fixture
def released(workspace: Workspace) -> Workspace:
    store = ArtifactStore(workspace.artifacts)

    def publish(kind: str, name: str, parents: list[Parent], **about: Any) -> None:
        manifest = Manifest(
            id=f"{name:0<16}",
            kind=kind,
            stage=kind,
            name=name,
            stage_version=1,
            settings={},
            parents=parents,
            created="2026-01-01T09:30:00+00:00",
            seconds=63.0,
            peak_memory_bytes=1,
            **about,
        )
        with store.publish(kind, manifest.id) as (directory, commit):
            (directory / "model.gguf").write_bytes(b"x" * 3000)
            artifact = commit(manifest)
        if kind == "release":
            Registry.open(workspace).register("assistant", artifact)

    publish("model", "base", [], sources=[SourceRecord(uri="pypi:x==1#m[1].gguf", sha256="ab" * 32, num_bytes=1)])
    base = Parent(field="model", name="base", kind="model", id=f"{'base':0<16}")
    publish("model", "tuned", [base], facts={"num_tokens": 60000})
    tuned = Parent(field="model", name="tuned", kind="model", id=f"{'tuned':0<16}")
    gone = Parent(field="evaluation", name="proof", kind="report", id="0" * 16)
    publish("export", "files", [tuned])
    files = Parent(field="exports", name="files", kind="export", id=f"{'files':0<16}")
    facts = {
        "name": "assistant",
        "exports": {"gguf-f16": f"export/{'files':0<16}/model.gguf", "hf": f"export/{'files':0<16}/hf"},
        "evaluation": EVALUATION,
    }
    publish("release", "release", [tuned, files, gone], facts=facts)
    return workspace


def call(workspace: Workspace, *arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, [*arguments, "--workspace", str(workspace.root)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def call_json(workspace: Workspace, *arguments: str) -> Any:
    return json.loads(call(workspace, *arguments, "--json").splitlines()[-1])


def test_show_prints_the_agreed_keys_and_absolute_paths(released: Workspace) -> None:
    shown = call_json(released, "show", "assistant")
    assert list(shown) == ["name", "version", "path", "exports", "evaluation", "lineage"]
    assert (shown["name"], shown["version"]) == ("assistant", 1)
    for path in (shown["path"], *shown["exports"].values()):
        assert Path(path).is_absolute()
    assert Path(shown["exports"]["gguf-f16"]).read_bytes() == b"x" * 3000
    assert shown["evaluation"] == EVALUATION
    assert [entry["name"] for entry in shown["lineage"]] == ["base", "tuned", "files", "proof", "release"]
    assert call_json(released, "show", "assistant@1") == shown


def test_lineage_shows_what_is_stated_of_sources(released: Workspace) -> None:
    store = ArtifactStore(released.artifacts)
    (base,) = [artifact for artifact in store.all() if artifact.manifest.name == "base"]
    store.restate(base, {"rights": {"*/a.*": {"licence": "CC-BY-4.0", "consent": "written", "origin": None}}})
    assert call_json(released, "lineage", "assistant")["lineage"][0]["rights"]["*/a.*"]["licence"] == "CC-BY-4.0"
    assert "*/a.* licence CC-BY-4.0, consent written" in " ".join(call(released, "lineage", "assistant").split())


def test_list_and_lineage_for_programs(released: Workspace) -> None:
    (listed,) = call_json(released, "list")["models"]
    assert (listed["name"], listed["version"]) == ("assistant", 1)
    found = call_json(released, "lineage", "assistant@latest")["lineage"]
    assert found == call_json(released, "show", "assistant")["lineage"]


def test_people_see_the_same(released: Workspace) -> None:
    shown = call(released, "show", "assistant")
    for text in (
        "assistant@1",
        "-0.500 [-0.600, -0.400]",
        "0.0002",
        "2.9 KiB",
        "gone",
        "pypi:x==1#m[1].gguf",
        "1 min 03 s",
    ):
        assert text in shown, shown
    tree = call(released, "lineage", "assistant")
    assert tree.count("pypi:x==1#m[1].gguf") == 1
    assert "(above)" in tree, "what two branches share is drawn once"
    assert "removed" in tree
    assert "num_tokens 60,000" in tree
    assert "tuned 1.500" in call(released, "list")


def test_an_empty_workspace_is_no_error(workspace: Workspace) -> None:
    assert "No model has been released" in call(workspace, "list")
    assert call_json(workspace, "list") == {"models": []}


def test_unknown_names_are_a_users_mistake(released: Workspace) -> None:
    with pytest.raises(UserError, match="Did you mean 'assistant'"):
        call(released, "show", "asistant")
    with pytest.raises(UserError, match="no version 9"):
        call(released, "lineage", "assistant@9")


def test_a_row_nobody_saw(released: Workspace) -> None:
    assert call_json(released, "seen", "abc") == {"row": "abc", "models": []}
    assert "No model" in call(released, "seen", "abc")
