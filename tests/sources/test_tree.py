"""The hash of a directory, against coreutils."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from danlu.errors import UserError
from danlu.sources.tree import hash_tree


def make_tree(root: Path) -> Path:
    for name in ("b.txt", "a/z.txt", "a.txt", "ä/丹炉.json", "a/.hidden"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_same_as_coreutils(tmp_path: Path) -> None:
    make_tree(tmp_path / "tree")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "tree" / "a")
    command = "find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    expected = subprocess.run(["sh", "-c", command], cwd=tmp_path / "tree", capture_output=True, text=True, check=True)
    sha256, num_bytes = hash_tree(tmp_path / "tree")
    assert sha256 == expected.stdout.split()[0]
    assert num_bytes == sum(path.stat().st_size for path in (tmp_path / "tree").rglob("*") if path.is_file()) + sum(
        path.stat().st_size for path in (tmp_path / "tree" / "a").iterdir()
    )


@pytest.mark.parametrize("change", ["content", "name", "extra"])
def test_any_change_shows(tmp_path: Path, change: str) -> None:
    root = make_tree(tmp_path / "tree")
    before = hash_tree(root)[0]
    if change == "content":
        (root / "b.txt").write_text("B.txt")
    elif change == "name":
        (root / "b.txt").rename(root / "c.txt")
    else:
        (root / "new").touch()
    assert hash_tree(root)[0] != before


def test_links_in_a_circle_or_to_nothing(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree")
    (root / "a" / "up").symlink_to(root)
    with pytest.raises(UserError, match="leads back"):
        hash_tree(root)
    (root / "a" / "up").unlink()
    (root / "a" / "nothing").symlink_to("no-such-file")
    with pytest.raises(UserError, match="not a regular file"):
        hash_tree(root)
