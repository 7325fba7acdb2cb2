"""Archives, honest and hostile."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from source_helpers import Heard

from danlu.errors import UserError
from danlu.sources import archive as archive_module
from danlu.sources.archive import extract
from danlu.sources.errors import DiskFullError, MemberMissingError
from danlu.telemetry.reporter import Reporter

FILES = {"top/data/a.json": b"[1]", "top/data/deep/b.json": b"[2]", "top/README": b"read me"}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in files.items():
            file.writestr(name, body)
    return path


def make_tar(path: Path, files: dict[str, bytes], links: dict[str, tuple[str, bytes]] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
        for name, (target, kind) in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            file.addfile(info)
    return path


@pytest.fixture(params=["zip", "tar"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "zip":
        return lambda files: make_zip(tmp_path / "archive.zip", files)
    return lambda files: make_tar(tmp_path / "archive.tar.gz", files)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def take(archive: Path, member: str | None, out: Path, reporter: Reporter, *, strip_top: bool = True) -> Path:
    return extract(archive, member, out, whole_name="whole", strip_top=strip_top, reporter=reporter)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_file_folder_and_everything(make, out: Path, reporter: Reporter, heard: Heard) -> None:  # type: ignore[no-untyped-def]
    archive = make(FILES)
    assert take(archive, "data/a.json", out, reporter).read_bytes() == b"[1]"
    assert heard.progress[f"Unpacking {archive.name}"] == (3, 3)
    assert contents(take(archive, "data", out, reporter)) == {"a.json": b"[1]", "deep/b.json": b"[2]"}
    whole = take(archive, None, out, reporter)
    assert whole.name == "whole"
    assert contents(whole) == {name.removeprefix("top/"): body for name, body in FILES.items()}
    assert contents(take(archive, None, out / "..", reporter, strip_top=False)) == FILES


def test_missing_member_suggests(make, out: Path, reporter: Reporter) -> None:  # type: ignore[no-untyped-def]
    archive = make(FILES)
    for member, hint in [
        ("data/aa.json", "'data/a.json'"),
        ("b.json", "'data/deep/b.json'"),
        ("qqqqqq", "At its top it has: README, data."),
    ]:
        with pytest.raises(MemberMissingError, match=member) as caught:
            take(archive, member, out, reporter)
        assert hint in caught.value.hint
    assert not any(out.iterdir())


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:/evil", "a\\..\\evil"])
def test_unsafe_names_are_refused(make, out: Path, reporter: Reporter, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    archive = make({"good": b"good", name: b"evil"})
    with pytest.raises(UserError, match="unsafe name"):
        take(archive, None, out, reporter, strip_top=False)
    assert not any(b"evil" in body for path, body in contents(tmp_path).items() if path != archive.name)
    assert take(archive, "good", out, reporter, strip_top=False).read_bytes() == b"good"


def test_links_become_copies_or_are_left_out(tmp_path: Path, out: Path, reporter: Reporter, heard: Heard) -> None:
    links = {
        "t/copy": ("real", tarfile.SYMTYPE),
        "t/hard": ("t/real", tarfile.LNKTYPE),
        "t/gone": ("no", tarfile.SYMTYPE),
    }
    whole = take(make_tar(tmp_path / "x.tar.gz", {"t/real": b"yes"}, links), None, out, reporter)
    assert contents(whole) == {"real": b"yes", "copy": b"yes", "hard": b"yes"}
    assert not any(path.is_symlink() for path in whole.rglob("*"))
    assert ["t/gone" in warning for warning in heard.warnings] == [True]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_that_leave_are_refused(tmp_path: Path, out: Path, reporter: Reporter, target: str, kind: bytes) -> None:
    archive = make_tar(tmp_path / "x.tar.gz", {"t/real": b"yes"}, {"t/evil": (target, kind)})
    with pytest.raises(MemberMissingError, match="no regular file at 'evil'"):
        take(archive, "evil", out, reporter)
    assert contents(take(archive, None, out, reporter)) == {"real": b"yes"}


def test_special_files_and_links_in_a_circle(tmp_path: Path, out: Path, reporter: Reporter) -> None:
    archive = make_tar(tmp_path / "x.tar.gz", {"t/real": b"yes"}, {"t/pipe": ("", tarfile.FIFOTYPE)})
    assert contents(take(archive, None, out, reporter)) == {"real": b"yes"}
    links = {"t/a": ("b", tarfile.SYMTYPE), "t/b": ("a", tarfile.SYMTYPE)}
    with pytest.raises(UserError):
        take(make_tar(tmp_path / "x.tar.gz", {"t/real": b"yes"}, links), None, out, reporter)


def test_zip_link_is_left_out(tmp_path: Path, out: Path, reporter: Reporter, heard: Heard) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as file:
        file.writestr(info, "/etc/passwd")
        file.writestr("real", "yes")
    assert contents(take(tmp_path / "x.whl", None, out, reporter, strip_top=False)) == {"real": b"yes"}
    assert len(heard.warnings) == 1


def test_bomb_is_refused(tmp_path: Path, out: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "x.whl", {"zeros": bytes(10_000_000)})
    monkeypatch.setattr(archive_module, "ALWAYS_ALLOWED_BYTES", 1_000_000)
    with pytest.raises(UserError, match="would unpack to 10000000 bytes"):
        take(archive, "zeros", out, reporter, strip_top=False)


def test_too_little_room_is_foreseen(
    make,
    out: Path,
    reporter: Reporter,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 5}))
    with pytest.raises(DiskFullError, match=f"needs 13 bytes, but {out} has only 5 bytes free"):
        take(make(FILES), None, out, reporter)
    assert not any(out.iterdir())


def test_damaged_archives(make, out: Path, reporter: Reporter) -> None:  # type: ignore[no-untyped-def]
    archive = make({"top/a": bytes(range(256)) * 400, "top/b": b"b"})
    whole = archive.read_bytes()
    for broken in (b"", b"nothing like it", whole[: len(whole) // 2], whole[:60] + b"\xff" * 20 + whole[80:]):
        archive.write_bytes(broken)
        with pytest.raises(UserError, match="cannot be unpacked"):
            take(archive, None, out, reporter)
