"""The command line with toy stages, in this process and in one of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """``cli("run", "recipe.yaml")``: exit status, stdout and stderr; run in an empty directory with a toy recipe."""
    import toys

    from danlu.cli.main import run_cli
    from danlu.pipeline.stages import STAGES

    for do, stage in toys.TABLE.items():
        monkeypatch.setitem(STAGES, do, stage)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DANLU_CACHE", raising=False)
    (tmp_path / "recipe.yaml").write_text(toys.RECIPE, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run_cli(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return call
