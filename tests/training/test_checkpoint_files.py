"""Checkpoints on the disk: whole, or not there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from danlu.training import checkpoint_files
from danlu.training.checkpoint_files import (
    MARKER,
    checkpoints_in,
    clear_abandoned,
    damage,
    remove_checkpoint,
    write_checkpoint,
)

FILES = {"a.bin": memoryview(bytes(range(256)) * 1000), "b.bin": memoryview(b"")}


def test_files_and_their_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_files, "PIECE_BYTES", 1000)
    target = tmp_path / "below" / "step-1"
    write_checkpoint(target, FILES)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert json.loads((target / MARKER).read_text()) == hashes
    assert {name: (target / name).read_bytes() for name in FILES} == FILES
    assert damage(target) is None
    assert [path.name for path in target.parent.iterdir()] == ["step-1"]


def test_one_that_is_there_is_replaced(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "step-1", {"old.bin": memoryview(b"old")})
    write_checkpoint(tmp_path / "step-1", FILES)
    assert sorted(path.name for path in (tmp_path / "step-1").iterdir()) == ["a.bin", "b.bin", MARKER]


@pytest.mark.parametrize("call", ["open", "fsync", "rename"])
def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    write_checkpoint(tmp_path / "step-1", FILES)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*{"open": (Path, "open"), "fsync": (os, "fsync"), "rename": (Path, "rename")}[call], fail)
        with pytest.raises(OSError, match="No space"):
            write_checkpoint(tmp_path / "step-2", FILES)
    assert list(checkpoints_in(tmp_path)) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["step-1"]
    assert damage(tmp_path / "step-1") is None


def test_a_disk_with_too_little_room_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(checkpoint_files.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(OSError, match="1,000 free") as caught:
        write_checkpoint(tmp_path / "step-1", FILES)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_what_was_abandoned_is_no_checkpoint(tmp_path: Path) -> None:
    for name in (".partial-step-3", ".removed-step-1", "step-2", "step-x", "step-10"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("something")
    assert list(checkpoints_in(tmp_path, tmp_path / "absent")) == [10, 2]
    clear_abandoned(tmp_path)
    clear_abandoned(tmp_path / "absent")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-10", "step-2", "step-x"]
    remove_checkpoint(tmp_path / "step-2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-10", "step-x"]
