"""A curriculum in the train stage: what the plan says and what is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_stage import make_context, settings

from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.data import TrainingData
from packed_rows import make_store, write_store

LENGTHS = [30, 3, 60, 12, 7, 45, 22, 9, 51, 5, 17, 38]


@pytest.mark.parametrize(("order", "first", "last"), [("ascending", 3, 60), ("descending", 60, 3)])
def test_rows_come_by_length(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, order: str, first: int, last: int
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    write_store(make_store([[length] for length in LENGTHS]), context.input("data").path, "train")
    curriculum = {"order": order, "start": 0.0, "pacing": "linear"}
    config = settings(curriculum=curriculum, budget={"epochs": 1}, batch={"rows": 1})
    batches = TrainingData.open(config, context).full_size()
    tokens = [batches.at(step).num_tokens for step in range(24)]
    assert tokens[:12] == sorted(LENGTHS, reverse=order == "descending")
    assert (tokens[0], tokens[11]) == (first, last)
    assert sorted(tokens[12:]) == sorted(LENGTHS) != tokens[12:]
    notes = stage.plan(config, context).notes
    assert any(note.startswith(f"for 1 epochs, documents come by length, {order}: 0% of them") for note in notes)
    assert not any(note.startswith("Warning") for note in notes)
    notes = stage.plan(settings(curriculum=curriculum, budget={"steps": 1}), context).notes
    assert any("before the curriculum reaches its hardest documents" in note for note in notes)


def test_validation_rows_are_not_ordered(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    plain, ordered = (
        TrainingData.open(settings(curriculum=curriculum, validate_every_steps=1), context).held_out()
        for curriculum in (None, {"by": "rarity"})
    )
    assert [plain[index].targets.tolist() for index in range(len(plain))] == [
        ordered[index].targets.tolist() for index in range(len(ordered))
    ]
