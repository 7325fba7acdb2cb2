"""Encoders are checked, too: hidden tokens, pairs of segments and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from quick_checks import check, differing
from test_encoder_stage import base, make_context, settings

from danlu.artifacts.stage import StageContext
from danlu.settings import Workspace
from danlu.training.checking import size
from danlu.training.objectives.objective import Objective
from danlu.training.setup import objective_for
from encoder_toys import save_encoder

MASKED: dict[str, Any] = {"objective": "masked_language_model"}
PAIRS: dict[str, Any] = {**MASKED, "next_sentence": True, "masking": {"whole_words": False}}
CLASSES: dict[str, Any] = {"objective": "classification"}


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "MOST_STEPS", 4)


@pytest.fixture
def context(workspace: Workspace, reporter: Any, tmp_path: Path) -> StageContext:
    directory = tmp_path / "encoder"
    directory.mkdir()
    save_encoder("masked_lm", directory)
    return make_context(workspace, reporter, base(directory), tmp_path / "1")


@pytest.mark.parametrize("changes", [MASKED, PAIRS, CLASSES], ids=["masked", "pairs", "classes"])
def test_healthy_encoders_agree(context: StageContext, changes: dict[str, Any]) -> None:
    checked = check(settings(**changes), context)
    assert checked.differs == []
    found = {finding.name: finding.verdict for finding in checked.findings}
    assert [found[name] for name in ("accumulation", "packing", "chunked loss", "resuming", "processes")] == [
        "agrees"
    ] * 5


@pytest.mark.parametrize("changes", [MASKED, PAIRS, CLASSES], ids=["masked", "pairs", "classes"])
def test_a_mean_of_means_is_named(context: StageContext, changes: dict[str, Any]) -> None:
    def mean_of_means(config: Any) -> Objective:
        sound = objective_for(config)
        return lambda model, batch: sound(model, batch) / batch.num_tokens * 40

    assert "accumulation" in differing(settings(**changes), context, objective=mean_of_means)
