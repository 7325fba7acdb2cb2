"""The command line with toy stages, in an empty directory with a toy recipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))


@pytest.fixture
def toy_cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """``toy_cli("run", "recipe.yaml")``: exit status, stdout and stderr."""
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
        return (status, *capsys.readouterr())

    return call
