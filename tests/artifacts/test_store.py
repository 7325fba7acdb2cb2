"""An artifact is whole or is not there: under kills, races and damage."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import publisher
import pytest
from publisher import fill, manifest, publish

from danlu.artifacts.store import Artifact, ArtifactStore, hash_file, sync_tree
from danlu.errors import UserError

ID = "0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def start(store: ArtifactStore) -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """``start(id, text)``: a process that has filled its directory and publishes when it is sent a line."""
    started = []

    def start(artifact_id: str, text: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, publisher.__file__, str(store.root), artifact_id, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "filled\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def names(store: ArtifactStore) -> list[str]:
    """Everything in the directory of models, hidden or not."""
    return sorted(path.name for path in (store.root / "model").iterdir())


def test_published_artifact_lists_its_files_with_their_hashes(store: ArtifactStore) -> None:
    artifact = publish(store, ID, "some text")
    assert artifact.path == store.root / "model" / ID
    expected = {"a.txt": b"some text", "deep/er/b.txt": b"some text" * 1000, "empty": b""}
    assert {name: (record.sha256, record.num_bytes) for name, record in artifact.manifest.files.items()} == {
        name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in expected.items()
    }
    assert {name: (artifact.path / name).read_bytes() for name in expected} == expected
    assert artifact.num_bytes == sum(map(len, expected.values()))
    assert store.find("model", ID) == artifact
    assert list(store.all()) == [artifact]
    assert store.damage(artifact) is None
    assert names(store) == [ID]


def test_nothing_is_visible_before_it_is_published(store: ArtifactStore) -> None:
    with store.publish("model", ID) as (out, commit):
        assert list(out.iterdir()) == []
        fill(out, "x")
        assert store.find("model", ID) is None
        assert list(store.all()) == []
        commit(manifest(ID))
        assert store.find("model", ID) is not None


def test_nothing_remains_of_what_was_not_published(store: ArtifactStore) -> None:
    with store.publish("model", ID) as (out, _):
        fill(out, "x")
    assert names(store) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_remains_after_an_error(store: ArtifactStore, error: type[BaseException]) -> None:
    def fail() -> None:
        with store.publish("model", ID) as (out, _):
            fill(out, "x")
            raise error

    with pytest.raises(error):
        fail()
    assert names(store) == []


def test_everything_is_on_disk_before_it_is_visible(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    final, synced = store.path("model", ID), []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append((path, final.exists()))
        fsync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs Linux to tell what a descriptor is open on")
    monkeypatch.setattr(os, "fsync", watched)
    publish(store, ID, "x")
    partial = next(path for path, _ in synced if path.name == "artifact.json").parent
    assert {path.relative_to(partial).as_posix() for path, visible in synced if not visible} == {
        ".", "a.txt", "artifact.json", "deep", "deep/er", "deep/er/b.txt", "empty"
    }  # fmt: skip
    # The rename is the last change, and is made to last as well.
    assert [path for path, visible in synced if visible] == [final.parent]


def test_killed_at_any_moment_of_publishing(tmp_path: Path) -> None:
    command = [sys.executable, publisher.__file__, str(tmp_path), "--kill-at-each-sync"]
    num_kills = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    # Four files, three directories; then the rename.
    assert num_kills == 8
    for kill in range(num_kills - 1):
        store = ArtifactStore(tmp_path / str(kill))
        assert list(store.all()) == []
        (left,) = names(store)
        assert left.startswith(".partial-")
        artifact = publish(store, ID, "x")
        assert names(store) == [ID]
        assert store.damage(artifact) is None
    after_rename = ArtifactStore(tmp_path / str(num_kills - 1))
    (whole,) = after_rename.all()
    assert after_rename.damage(whole) is None


def test_killed_while_filling(store: ArtifactStore, start: Callable[[str, str], subprocess.Popen[str]]) -> None:
    process = start(ID, "x")
    process.kill()
    process.wait()
    assert store.find("model", ID) is None
    assert list(store.all()) == []
    with pytest.raises(UserError, match="is not in this workspace"):
        store.get(ID)
    assert names(store) == [f".partial-{ID}-{process.pid}"]
    publish(store, "f" * 16, "another")
    assert names(store) == ["f" * 16]


def test_what_a_living_process_fills_is_left_alone(
    store: ArtifactStore, start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    process = start(ID, "x")
    publish(store, "f" * 16, "another")
    assert names(store) == [f".partial-{ID}-{process.pid}", "f" * 16]
    process.communicate("go on\n")
    assert process.returncode == 0
    assert names(store) == [ID, "f" * 16]
    assert store.damage(store.get(ID)) is None


def test_interrupted_removal_is_finished_by_the_next_publication(store: ArtifactStore) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    artifact = publish(store, ID, "x")
    artifact.path.rename(artifact.path.with_name(f".removed-{ID}-{process.pid}"))
    assert list(store.all()) == []
    publish(store, "f" * 16, "another")
    assert names(store) == ["f" * 16]


@pytest.mark.parametrize("first", [0, 1])
def test_two_processes_publish_the_same(
    store: ArtifactStore, start: Callable[[str, str], subprocess.Popen[str]], first: int
) -> None:
    processes = [start(ID, "by A"), start(ID, "by B")]
    outcomes = [processes[index].communicate("go on\n")[0] for index in (first, 1 - first)]
    assert outcomes == [f"{store.path('model', ID)}\n"] * 2
    assert [process.returncode for process in processes] == [0, 0]
    assert names(store) == [ID]
    artifact = store.get(ID)
    assert store.damage(artifact) is None
    assert (artifact.path / "a.txt").read_text() == ("by A", "by B")[first]


def test_two_processes_publish_the_same_at_once(
    store: ArtifactStore, start: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    processes = [start(ID, f"by {number}") for number in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate()[0] == f"{store.path('model', ID)}\n"
        assert process.returncode == 0
    assert names(store) == [ID]
    assert store.damage(store.get(ID)) is None


def test_publishing_over_something_broken_is_an_error(store: ArtifactStore) -> None:
    broken = store.path("model", ID)
    broken.mkdir(parents=True)
    (broken / "artifact.json").write_text('{"id": ')
    with pytest.raises(OSError, match="not empty"):
        publish(store, ID, "x")
    assert names(store) == [ID]
    assert (broken / "artifact.json").read_text() == '{"id": '


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_a_directory_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", ["a.txt", "deep/er/b.txt"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose, "{name} is missing"),
        (put_a_directory_there, "{name} is missing"),
        (cut, "{name} has {shorter} bytes instead of {size}"),
        (grow, "{name} has {longer} bytes instead of {size}"),
        (flip_one_bit, "{name} does not match its recorded sha256"),
    ],
)
def test_damage_is_found(store: ArtifactStore, name: str, harm: Callable[[Path], None], said: str) -> None:
    artifact = publish(store, ID, "xyz")
    size = (artifact.path / name).stat().st_size
    harm(artifact.path / name)
    assert store.damage(artifact) == said.format(name=name, size=size, shorter=size - 1, longer=size + 1)


@pytest.mark.parametrize("content", [None, b"", b'{"id": ', b"\xff\xfe\x00", b"{}", b"[]"])
def test_artifact_with_a_broken_manifest_is_not_there(store: ArtifactStore, content: bytes | None) -> None:
    path = publish(store, ID, "x").path / "artifact.json"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert store.find("model", ID) is None
    assert list(store.all()) == []


def test_get_by_the_beginning_of_an_id(store: ArtifactStore) -> None:
    first, second = publish(store, "abc0" + "0" * 12, "x"), publish(store, "abc1" + "0" * 12, "y")
    assert store.get("abc0") == first
    assert store.get(second.id) == second
    with pytest.raises(UserError, match=r"'abc' is the beginning of 2 ids"):
        store.get("abc")
    with pytest.raises(UserError, match=r"'bc0' is not in this workspace") as caught:
        store.get("bc0")
    assert caught.value.hint


def test_all_are_listed_by_kind_and_id(store: ArtifactStore) -> None:
    made = [("model", "b" * 16), ("examples", "f" * 16), ("model", "a" * 16)]
    for kind, artifact_id in made:
        with store.publish(kind, artifact_id) as (_, commit):
            commit(manifest(artifact_id).model_copy(update={"kind": kind}))
    assert [(artifact.kind, artifact.id) for artifact in store.all()] == sorted(made)


def test_store_without_anything(store: ArtifactStore) -> None:
    assert list(store.all()) == []
    assert store.find("model", ID) is None


def test_removed_artifact_is_gone_and_can_be_made_again(store: ArtifactStore) -> None:
    store.remove(publish(store, ID, "x"))
    assert names(store) == []
    assert isinstance(publish(store, ID, "x"), Artifact)


def test_hash_of_a_file_longer_than_any_buffer(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert hash_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_sync_tree_reaches_every_file_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inodes = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: inodes.append(os.fstat(descriptor).st_ino))
    fill(tmp_path, "x")
    sync_tree(tmp_path)
    assert sorted(inodes) == sorted(path.stat().st_ino for path in [tmp_path, *tmp_path.rglob("*")])
