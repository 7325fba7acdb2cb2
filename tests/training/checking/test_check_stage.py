"""Checking a stage: nothing is flagged where nothing is wrong, and a planted fault is called by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from quick_checks import check, differing, fit_in_one, verdicts
from training_stage import make_context, settings
from transformers import AttentionInterface

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.models.attention import attend_documents
from danlu.settings import Workspace
from danlu.training.checking import size
from danlu.training.checking.check import check_stage, with_earlier_dropout
from danlu.training.checkpoint import Checkpoints
from danlu.training.config import TrainConfig
from danlu.training.held import Held
from danlu.training.objectives.objective import Objective
from danlu.training.setup import attention_for, objective_for
from packed_rows import make_store, write_store

WHOLE: dict[str, Any] = {"adapter": None, "optimizer": {"learning_rate": 0.003}}
LENGTHS = [[30, 11, 20], [41], [25, 20, 19], [17, 44], [64], [3, 33, 25], [60], [31, 31]] * 2


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "MOST_STEPS", 4)


@pytest.fixture
def context(workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path) -> StageContext:
    made = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    write_store(make_store(LENGTHS), tmp_path / "data", "train")
    return made


@pytest.fixture
def corpus(context: StageContext, tmp_path: Path) -> StageContext:
    """The same documents as a corpus."""
    for split in ("train", "validation"):
        for name in ("rows", "supervised"):
            (tmp_path / "data" / split / f"{name}.npy").unlink()
    return context


LANGUAGE_MODEL = {"objective": "language_model", **WHOLE}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {**WHOLE, "batch": {"rows": 3, "rows_at_once": 3}},
        {"optimizer": {"kind": "muon", "learning_rate": 0.01}, "adapter": None},
        {"optimizer": {"kind": "lion", "learning_rate": 0.001}, "adapter": None},
        {**WHOLE, "regularisation": {"label_smoothing": 0.1, "l2": 0.01, "dropout": 0.1}, "ema": {"decay": 0.9}},
        {"adapter": {"kind": "lora", "rank": 4, "dropout": 0.2}},
    ],
    ids=["lora", "whole", "muon", "lion", "regularised", "lora with dropout"],
)
def test_healthy_training_on_examples_agrees(context: StageContext, changes: dict[str, Any]) -> None:
    checked = check(settings(**changes), context)
    assert checked.differs == []
    assert verdicts(checked) == {
        "accumulation": "agrees",
        "packing": "agrees",
        "chunked loss": "agrees",
        "compiling": "does not apply",
        "resuming": "agrees",
        "processes": "agrees",
    }
    resuming = next(finding for finding in checked.findings if finding.name == "resuming")
    assert resuming.difference is not None
    assert set(resuming.difference.values()) == {0.0}


@pytest.mark.parametrize("changes", [{}, {"isolate_documents": False}], ids=["isolated", "not isolated"])
def test_healthy_training_on_a_corpus_agrees(corpus: StageContext, changes: dict[str, Any]) -> None:
    checked = check(settings(**LANGUAGE_MODEL, **changes), corpus)
    assert checked.differs == []
    packing = next(finding for finding in checked.findings if finding.name == "packing")
    assert packing.verdict == ("agrees" if not changes else "does not apply")
    assert bool(changes) == ("isolate_documents is false" in packing.why)


def test_validation_and_early_stopping_take_part(context: StageContext) -> None:
    stopped = settings(**WHOLE, validate_every_steps=50, early_stopping={"patience": 2})
    assert check(stopped, context).differs == []


def test_nothing_is_left_behind(context: StageContext) -> None:
    check(settings(), context)
    assert [path.name for path in context.workspace.root.iterdir() if path.name.startswith("check-")] == []
    assert not context.checkpoints.exists()


def test_one_row_a_step_has_nothing_to_accumulate(context: StageContext) -> None:
    found = verdicts(check(settings(batch={"rows": 1}), context))
    assert found["accumulation"] == "does not apply"
    assert found["packing"] == "agrees"


def test_own_precision_is_told_and_not_judged(context: StageContext) -> None:
    checked = check(settings(**WHOLE, precision="bf16"), context)
    assert checked.differs == []
    assert checked.precision == "bf16"
    assert checked.precision_adds is not None
    assert 1e-4 < checked.precision_adds["first gradient"] < 0.5
    assert check(settings(), context).precision_adds is None


def test_what_the_stage_would_refuse_is_refused(corpus: StageContext) -> None:
    with pytest.raises(UserError, match="a corpus has none"):
        check(settings(), corpus)


def mean_of_means(config: TrainConfig) -> Objective:
    """Averages over each micro-batch by itself: the mistake that was in many trainers for years."""
    sound = objective_for(config)

    def averaged(model: Any, batch: Any) -> torch.Tensor:
        return 60 * sound(model, batch) / batch.num_targets

    return averaged


def test_a_mean_of_means_is_named(context: StageContext) -> None:
    found = differing(settings(**WHOLE, batch={"rows": 4}), context, objective=mean_of_means)
    assert {"accumulation"} <= found
    assert "resuming" not in found


def forgetful_of_one_chunk(config: TrainConfig) -> Objective:
    """Leaves out what comes after the first chunk, as a fused loss once did."""
    sound = objective_for(config)

    def cut(model: Any, batch: Any) -> torch.Tensor:
        return sound(model, replace(batch, predicting=batch.predicting[:600], targets=batch.targets[:600]))

    return cut


def test_a_loss_that_loses_a_chunk_is_named(context: StageContext) -> None:
    assert differing(settings(**WHOLE), context, objective=forgetful_of_one_chunk) == {"chunked loss"}


def sees_neighbours(*arguments: Any, documents: Any = None, **keywords: Any) -> Any:
    return attend_documents(*arguments, **keywords)


def weighs_otherwise(*arguments: Any, scaling: float, **keywords: Any) -> Any:
    return attend_documents(*arguments, scaling=1.001 * scaling, **keywords)


@pytest.mark.parametrize(
    ("name", "function"), [("tests_see_neighbours", sees_neighbours), ("tests_weigh_otherwise", weighs_otherwise)]
)
def test_an_attention_that_leaks_or_errs_is_named(
    context: StageContext, name: str, function: Callable[..., Any]
) -> None:
    AttentionInterface.register(name, function)
    whole = settings(**WHOLE, batch={"rows": 2, "rows_at_once": 2})
    found = differing(whole, context, attention=lambda *_, **__: name)
    assert "packing" in found
    assert not found & {"chunked loss", "resuming"}


def test_a_compiled_layer_that_errs_is_named(corpus: StageContext) -> None:
    AttentionInterface.register("tests_weigh_otherwise", weighs_otherwise)

    def attention(*arguments: Any, is_compiled: bool = False) -> str | None:
        return "tests_weigh_otherwise" if is_compiled else attention_for(*arguments)

    compiled = settings(**LANGUAGE_MODEL, compile=True)
    assert differing(compiled, corpus, attention=attention) == {"compiling"}


class Forgetful(Checkpoints):
    """Brings back the weights and the step, and leaves the optimizer as it is."""

    def restore(self, held: Held, optimizer: torch.optim.Optimizer) -> int:
        import copy

        before = copy.deepcopy(optimizer.state_dict())
        step = super().restore(held, optimizer)
        optimizer.load_state_dict(before)
        return step


class Lost(Checkpoints):
    """Finds no checkpoint."""

    def restore(self, held: Held, optimizer: torch.optim.Optimizer) -> int:
        return 0


@pytest.mark.parametrize("checkpoints", [Forgetful, Lost])
def test_a_resume_that_forgets_is_named(context: StageContext, checkpoints: type[Checkpoints]) -> None:
    assert differing(settings(**WHOLE), context, checkpoints=checkpoints) == {"resuming"}


def test_several_processes_agree(context: StageContext) -> None:
    checked = check_stage(settings(**WHOLE), context)
    processes = next(finding for finding in checked.findings if finding.name == "processes")
    assert processes.verdict == "agrees"
    assert processes.difference is not None
    assert 0 < processes.difference["weights"] < 1e-4  # summed in another order


def test_processes_that_do_not_share_are_named(context: StageContext) -> None:
    def each_its_own(config: TrainConfig, context: StageContext) -> Any:
        half = config.batch.model_copy(update={"rows": config.batch.rows // 2})
        return fit_in_one(config.model_copy(update={"batch": half}), context)

    assert differing(settings(**WHOLE, batch={"rows": 4}), context, fit=each_its_own) == {"processes"}


def test_a_large_model_is_checked_by_its_first_layers(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "AFFORDABLE_FLOPS", 1.0)
    monkeypatch.setattr(size, "FEW_LAYERS", 1)
    checked = check(settings(**WHOLE, freeze=["*layers.1.*", "*embed_tokens*"]), context)
    assert (checked.size.num_layers, checked.num_layers, checked.size.num_steps) == (1, 2, size.FEWEST_STEPS)
    assert checked.differs == []
    assert verdicts(checked)["processes"] == "agrees"


def test_dropout_that_earlier_stages_set_stays_in_the_model() -> None:
    def dropout(own: float | None, *earlier: dict[str, Any]) -> float | None:
        config = settings(regularisation={"dropout": own})
        return with_earlier_dropout(config, [settings(**changes) for changes in earlier]).regularisation.dropout

    none, some = {**WHOLE, "regularisation": {"dropout": 0.0}}, {**WHOLE, "regularisation": {"dropout": 0.2}}
    assert dropout(None) is None
    assert dropout(None, some, none, WHOLE) == 0.0
    assert dropout(0.1, some) == 0.1
    assert dropout(None, {"regularisation": {"dropout": 0.2}}) is None  # an adapter leaves the config as it is
