"""What is stated of sources is kept and said, and decides what is read only where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.store import ArtifactStore
from danlu.cli.main import run_cli
from danlu.corpus.config import CleanConfig
from danlu.corpus.files import BadFileError
from danlu.corpus.rights.config import Rights
from danlu.corpus.rights.stated import check_licence, stated_of

RIGHTS = {"*/a.txt": Rights(licence="CC-BY-4.0"), "*.txt": Rights(licence="MIT"), "*.md": Rights(consent="asked")}


def test_the_first_pattern_that_fits_counts() -> None:
    assert stated_of("raw/a.txt", RIGHTS) == RIGHTS["*/a.txt"]
    assert stated_of("raw/b.txt", RIGHTS) == RIGHTS["*.txt"]
    assert stated_of("raw/b.json", RIGHTS) is None


def test_only_allowed_licences_pass() -> None:
    check_licence("raw/a.txt", RIGHTS, ["cc-by-4.0"])
    check_licence("raw/b.json", RIGHTS, None)
    with pytest.raises(BadFileError, match="MIT, is not among"):
        check_licence("raw/b.txt", RIGHTS, ["cc-by-4.0"])
    for silent in ("raw/b.json", "raw/b.md"):
        with pytest.raises(BadFileError, match="no licence is stated"):
            check_licence(silent, RIGHTS, ["MIT"])


def test_dates_as_they_are_written() -> None:
    read = CleanConfig.model_validate(
        {"do": "clean", "from": "x", "rights": {"*": {"collected": 2024}, "a": {"collected": "2024-05"}}}
    )
    assert [each.collected for each in read.rights.values()] == ["2024", "2024-05"]


def test_statements_are_no_part_of_the_id_unless_they_decide() -> None:
    def in_id(**settings: Any) -> dict[str, Any]:
        config = CleanConfig.model_validate({"do": "clean", "from": "x", **settings})
        return config.settings_in_id(config.model_dump(mode="json", by_alias=True))

    mit, apache = {"*": {"licence": "MIT"}}, {"*": {"licence": "Apache-2.0"}}
    assert in_id(rights=mit) == in_id(rights=apache) == in_id()
    allowed = {"licences_allowed": ["MIT"]}
    assert in_id(rights=mit, **allowed) != in_id(rights=apache, **allowed)


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "raw").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "raw" / f"{name}.txt").write_text(f"the text of {name}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clean(capsys: pytest.CaptureFixture[str], *settings: str) -> tuple[dict[str, Any], str]:
    arguments = [argument for setting in settings for argument in ("--set", setting)]
    assert run_cli(["data", "clean", "raw", *arguments, "--json"]) == 0
    shown = capsys.readouterr()
    return json.loads(shown.out)["stages"]["data"], " ".join(shown.err.split())


def test_files_of_other_licences_are_left_out(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage, said = clean(
        capsys,
        "rights={'*/a.txt': {licence: MIT}, '*/b.txt': {licence: Proprietary}, '*/z.txt': {licence: MIT}}",
        "licences_allowed=[mit]",
    )
    reasons = {Path(row["source"]).name: row["reason"] for row in read_dropped(Path(stage["path"]))}
    assert reasons == {
        "b.txt": "its licence, Proprietary, is not among licences_allowed",
        "c.txt": "no licence is stated under 'rights', and licences_allowed asks for one",
    }
    assert "nothing is stated of 1 of 3 files" in said
    assert "no file fits '*/z.txt'" in said


def test_an_artifact_takes_over_what_is_said_later(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def settings() -> Any:
        (artifact,) = ArtifactStore(raw / "workspace" / "artifacts").all()
        assert ArtifactStore(raw).damage(artifact) is None
        return artifact.manifest.settings["rights"]

    first, _ = clean(capsys, "rights={'*': {licence: MIT}}")
    assert settings()["*"]["licence"] == "MIT"
    second, said = clean(capsys, "rights={'*': {licence: Apache-2.0, consent: written}}")
    assert second["cached"]
    assert second["artifact"] == first["artifact"]
    assert "rights: the artifact takes over what this run says" in said
    assert (settings()["*"]["licence"], settings()["*"]["consent"]) == ("Apache-2.0", "written")
    _, said = clean(capsys, "rights={'*': {licence: Apache-2.0, consent: written}}")
    assert "takes over" not in said
