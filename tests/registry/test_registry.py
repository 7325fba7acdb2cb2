"""Version numbers: given once, in order, under contention, and recoverable from what lies on disk."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from danlu.artifacts.manifest import Manifest, Parent
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.registry.registry import Registry
from danlu.settings import Workspace


def publish_release(workspace: Workspace, artifact_id: str, *, name: str = "assistant", minute: int = 0) -> Artifact:
    store = ArtifactStore(workspace.artifacts)
    facts = {
        "name": name,
        "exports": {"hf": "export/ee/hf", "gguf-f16": "export/ee/model-f16.gguf"},
        "evaluation": {"loss": {"base": 2.0, "tuned": 1.5}},
    }
    manifest = Manifest(
        id=artifact_id,
        kind="release",
        stage="release",
        name="release",
        stage_version=1,
        settings={},
        parents=[Parent(field="model", name="tuned", kind="model", id="0" * 16)],
        facts=facts,
        created=f"2026-01-01T00:{minute:02}:00+00:00",
        seconds=0.1,
        peak_memory_bytes=1,
    )
    with store.publish("release", artifact_id) as (directory, commit):
        (directory / "release.json").write_text("{}")
        return commit(manifest)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path)


def numbers(registry: Registry) -> dict[str, int]:
    return {version.artifact_id: version.version for version in registry.list()}


def test_versions_count_up_and_the_same_release_keeps_its_number(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    first, second = (publish_release(workspace, letter * 16, minute=i) for i, letter in enumerate("ab"))
    assert registry.register("assistant", first).version == 1
    assert registry.register("assistant", second).version == 2
    assert registry.register("assistant", first).version == 1
    assert [v.reference for v in registry.list()] == ["assistant@1", "assistant@2"]


def test_names_are_numbered_apart(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    registry.register("assistant", publish_release(workspace, "a" * 16))
    assert registry.register("poet", publish_release(workspace, "b" * 16, name="poet")).version == 1


def test_resolve_finds_newest_and_numbered(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    for i, letter in enumerate("ab"):
        registry.register("assistant", publish_release(workspace, letter * 16, minute=i))
    assert registry.resolve("assistant").version == 2
    assert registry.resolve("assistant@latest").version == 2
    version = registry.resolve("assistant@1")
    assert version.artifact_id == "a" * 16
    assert version.exports["hf"] == workspace.artifacts / "export/ee/hf"
    assert version.path == workspace.artifacts / "release" / ("a" * 16)
    assert version.evaluation == {"loss": {"base": 2.0, "tuned": 1.5}}
    assert [entry["id"] for entry in version.lineage] == ["0" * 16, "a" * 16]


@pytest.mark.parametrize(
    ("reference", "what", "hint"),
    [
        ("asistant", "No model called 'asistant'", "Did you mean 'assistant'? See all with: danlu models list"),
        ("assistant@7", "'assistant' has no version 7", "It has: 1."),
        ("assistant@", "'' in 'assistant@' is no version", "assistant@1"),
        ("assistant@-1", "'-1'", "assistant@latest"),
        ("assistant@1; drop table versions", "is no version", "assistant@1"),
        ("' or 1=1 --", "No model called", "Known: assistant"),
        ("", "No model called ''", "Known: assistant"),
    ],
)
def test_what_cannot_be_resolved_is_explained(workspace: Workspace, reference: str, what: str, hint: str) -> None:
    registry = Registry.open(workspace)
    registry.register("assistant", publish_release(workspace, "a" * 16))
    with pytest.raises(UserError) as error:
        registry.resolve(reference)
    assert what in error.value.what
    assert hint in error.value.hint
    assert registry.resolve("assistant").version == 1


def test_an_empty_registry_says_how_to_release(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="danlu run"):
        Registry.open(workspace).resolve("assistant")
    assert Registry.open(workspace).list() == []


def test_a_removed_artifact_is_not_listed_and_is_explained(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    artifact = publish_release(workspace, "a" * 16)
    registry.register("assistant", artifact)
    ArtifactStore(workspace.artifacts).remove(artifact)
    assert registry.list() == []
    with pytest.raises(UserError, match="is gone"):
        registry.resolve("assistant")


def test_a_lost_database_comes_back_with_the_same_numbers(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    artifacts = [publish_release(workspace, letter * 16, minute=i) for i, letter in enumerate("abc")]
    for artifact in reversed(artifacts):  # numbered against the order of creation
        registry.register("assistant", artifact)
    before = numbers(registry)
    ArtifactStore(workspace.artifacts).remove(artifacts[2])  # version 1 goes; 2 and 3 must keep their numbers
    del before["c" * 16]
    for file in workspace.root.glob("danlu.db*"):
        file.unlink()
    again = Registry.open(workspace)
    assert numbers(again) == before == {"b" * 16: 2, "a" * 16: 3}
    assert again.register("assistant", publish_release(workspace, "d" * 16)).version == 4


def test_releases_without_a_record_are_numbered_by_creation(workspace: Workspace) -> None:
    publish_release(workspace, "a" * 16, minute=9)
    publish_release(workspace, "b" * 16, minute=3)
    assert numbers(Registry.open(workspace)) == {"b" * 16: 1, "a" * 16: 2}


def test_a_kill_between_record_and_index_loses_nothing(workspace: Workspace) -> None:
    registry = Registry.open(workspace)
    killed = publish_release(workspace, "a" * 16)
    record = workspace.root / "registry" / "assistant" / "1.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"name": "assistant", "version": 1, "artifact": killed.id}))
    assert registry.register("assistant", publish_release(workspace, "b" * 16)).version == 2
    assert registry.register("assistant", killed).version == 1


def test_a_database_that_is_none_is_explained(workspace: Workspace) -> None:
    workspace.database.write_bytes(b"this is no database" * 100)
    with pytest.raises(UserError, match="cannot be opened"):
        Registry.open(workspace)


def _register_all(root: Path, start: object, ids: list[str]) -> None:
    workspace = Workspace.open(root)
    start.wait()  # type: ignore[attr-defined]
    registry = Registry.open(workspace)
    store = ArtifactStore(workspace.artifacts)
    for artifact_id in ids:
        artifact = store.find("release", artifact_id)
        assert artifact is not None
        registry.register("assistant", artifact)


def test_two_processes_at_once_give_each_release_one_number(workspace: Workspace) -> None:
    ids = [f"{i:016x}" for i in range(12)]
    Registry.open(workspace)
    for i, artifact_id in enumerate(ids):
        publish_release(workspace, artifact_id, minute=i)
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    # Both register the middle four, so both the next number and the same release are raced for.
    halves = [ids[:8], ids[4:]]
    processes = [spawn.Process(target=_register_all, args=(workspace.root, start, half)) for half in halves]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(numbers(Registry.open(workspace)).values()) == list(range(1, 13))
    assert set(numbers(Registry.open(workspace))) == set(ids)
    assert len(list((workspace.root / "registry" / "assistant").glob("*.json"))) == 12
