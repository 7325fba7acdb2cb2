"""A disk that fills up in the middle of a stage."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=300k", "danlu-test", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_disk_fills_up(toy_cli: Cli, small_disk: Path) -> None:
    command = ["run", "recipe.yaml", "--workspace", str(small_disk)]
    status, _, err = toy_cli(*command, "--set", "sum.write_bytes=1000000")
    assert status == 2
    assert f"The disk is full: {small_disk} has" in err
    assert "finished stages are kept" in err
    assert not list((small_disk / "artifacts" / "model").iterdir()), "nothing half-made remains"
    status, out, _ = toy_cli(*command, "--json")
    assert status == 0
    assert json.loads(out.splitlines()[-1])["stages"]["rows"]["cached"]


def test_wrapped_error_is_recognised(toy_cli: Cli) -> None:
    status, _, err = toy_cli("run", "recipe.yaml", "--set", "sum.fail=disk")
    assert status == 2
    assert "The disk is full" in err


def test_plan_says_so_beforehand(toy_cli: Cli, small_disk: Path) -> None:
    status, _, err = toy_cli(
        "run",
        "recipe.yaml",
        "--workspace",
        str(small_disk),
        "--set",
        "sum.disk_bytes=400000",
        "--set",
        "sum.seconds=60",
    )
    assert status == 2
    assert "Not enough disk: the rest of 'toy' needs" in err
