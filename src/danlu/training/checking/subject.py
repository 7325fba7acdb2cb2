"""What is checked: a train stage made small, with its own model, data, optimizer and schedule.

Everything is in float32 and nothing is dropped at random, since either would hide what is looked for, but for
variants that are trained as they are configured. What grows along a training is at its full size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from danlu.artifacts.stage import StageContext
from danlu.models.flops import TrainingFlops
from danlu.models.probe import config_from
from danlu.telemetry.reporter import Task
from danlu.training.checking.difference import Difference, Trial, difference, tolerances_from
from danlu.training.checking.pieces import small_store
from danlu.training.checking.size import Size, choose_size, with_layers
from danlu.training.checkpoint import Checkpoints
from danlu.training.companions import check_validation
from danlu.training.compilation import why_not_compiled
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.dropout import dropout_fields
from danlu.training.objectives.objective import Objective
from danlu.training.optimizers.groups import check_group_patterns, trained_by_name
from danlu.training.parallel.launching import fit_on_ranks
from danlu.training.parallel.settings import ParallelSettings
from danlu.training.settings import BatchSettings, Budget, CheckpointSettings
from danlu.training.setup import attention_for, objective_for, weightless_trainable

EPOCHS_OF_ROWS = 3
"""The pieces are rows for so many steps; then they come again."""
VALIDATE_EVERY_STEPS = 3


@dataclass(frozen=True)
class Ways:
    """What a training is made with. Tests put something faulty in."""

    objective: Callable[[TrainConfig], Objective] = objective_for
    attention: Callable[..., str | None] = attention_for
    checkpoints: type[Checkpoints] = Checkpoints
    fit: Callable[[TrainConfig, StageContext], tuple[dict[str, Any], Any]] = fit_on_ranks


SOUND = Ways()


@dataclass(frozen=True)
class Variant:
    """One way to make a short training."""

    name: str
    """Shown while it is made."""
    rows: int | None = None
    """Of a step; None for the subject's."""
    rows_at_once: int = 1
    num_steps: int | None = None
    """None for the subject's."""
    attention: Literal["own", "plain", "compiled"] = "own"
    """``own``: as training takes it. ``plain``: transformers' best."""
    objective: Callable[[Objective], Objective] | None = None
    """Puts another in the place of the stage's."""
    is_as_configured: bool = False
    """With the dropout of the settings, and their rows at once."""
    is_in_own_precision: bool = False
    """Of the settings, instead of float32."""
    is_disturbed: bool = False
    """Every weight is off by about one unit in its last place."""
    checkpoints: str | None = None
    """A directory: training goes on from there."""
    stop_after: int | None = None
    """Steps; then a checkpoint is saved."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Build it with `make_subject`. What several equivalences look at is trained once."""

    original: TrainConfig
    """Of the stage."""
    config: TrainConfig
    """As it is checked."""
    data: TrainingData
    """Pieces of the stage's; its config is `config`."""
    context: StageContext
    """Of the stage."""
    layers: Mapping[str, Any]
    """What the ``config.json`` says instead for fewer layers; empty for the whole model."""
    size: Size
    num_layers: int
    """Of the whole model."""
    why_not_compiled: str | None
    """Why the stage, as it is configured, is not; None if it is."""
    scratch: Path
    """A directory for checkpoints and metrics."""
    task: Task
    """Is told what is being done."""
    ways: Ways
    made: dict[Variant, Trial] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """Of a step."""
        return self.size.num_rows

    @property
    def num_steps(self) -> int:
        return self.size.num_steps

    def attention(self, rows_at_once: int, *, is_compiled: bool = False) -> str | None:
        """The attention implementation for the subject's rows.

        Raises:
            UserError: it cannot keep documents apart that go through the model together.
        """
        config = config_from({**self.data.model_config, **self.layers})
        return self.ways.attention(config, self.data.full_size().rows, rows_at_once, is_compiled=is_compiled)

    def trial(self, variant: Variant) -> Trial:
        """A short training, made once."""
        if variant not in self.made:
            self.made[variant] = self.make_trial(variant)
        return self.made[variant]

    def make_trial(self, variant: Variant) -> Trial:
        from danlu.training.checking.trial import make_trial

        return make_trial(self, variant)

    @property
    def one_by_one(self) -> Trial:
        """Rows go through the model one at a time."""
        return self.trial(one_by_one(self))

    @property
    def together(self) -> Trial:
        """All rows of a step at once."""
        return self.trial(Variant("all rows at once", rows_at_once=self.num_rows))

    def tolerances(self, variant: Variant) -> Difference:
        """What rounding may move in such a training."""
        disturbed = self.trial(replace(variant, name="rounding", is_disturbed=True))
        return tolerances_from(difference(disturbed, self.trial(variant)))


def one_by_one(subject: Subject) -> Variant:
    """Rows go through the model one at a time."""
    return Variant("rows one at a time")


def make_subject(config: TrainConfig, context: StageContext, *, scratch: Path, task: Task, ways: Ways) -> Subject:
    """Cut a stage down.

    Args:
        config: Of the stage.
        context: With its inputs made.
        scratch: A directory for checkpoints and metrics.
        task: Is told what is being done.
        ways: What training is made with.

    Raises:
        UserError: the stage itself could not be run.
    """
    data = TrainingData.open(config, context)
    check_validation(config, data.num_validation_tokens)
    whole = weightless_trainable(data.model_config, config)
    check_group_patterns(whole, config.optimizer)
    transformers_config = config_from(data.model_config)
    size = choose_size(config, data.model_config, data.length)
    layers = with_layers(transformers_config, size.num_layers)
    small = _small_config(config, data, size, layers)
    return Subject(
        original=config,
        config=small,
        data=_pieces(data, small, size),
        context=context,
        layers=layers,
        size=size,
        num_layers=transformers_config.num_hidden_layers,
        why_not_compiled=why_not_compiled(config, transformers_config, data, TrainingFlops.of(whole)),
        scratch=scratch,
        task=task,
        ways=ways,
    )


def _small_config(config: TrainConfig, data: TrainingData, size: Size, layers: Mapping[str, Any]) -> TrainConfig:
    drops = bool(dropout_fields(config_from(data.model_config)))
    changes: dict[str, Any] = {
        "precision": "fp32",
        "compile": False,
        "budget": Budget(steps=size.num_steps),
        "batch": BatchSettings(rows=size.num_rows, rows_at_once=min(config.batch.rows_at_once, size.num_rows)),
        "regularisation": config.regularisation.model_copy(update={"dropout": 0.0 if drops else None}),
        "adapter": config.adapter and config.adapter.model_copy(update={"dropout": 0.0}),
        "validate_every_steps": config.validate_every_steps and VALIDATE_EVERY_STEPS,
        "checkpoint": CheckpointSettings(),
        "parallel": ParallelSettings(),
        "apart": None,
    }
    small = config.model_copy(update=changes)
    if not layers:
        return small
    # A pattern may name a layer that is not there.
    unfrozen = small.model_copy(update={"freeze": []})
    names = trained_by_name(weightless_trainable({**data.model_config, **layers}, unfrozen))
    kept = [pattern for pattern in config.freeze if any(fnmatchcase(name, pattern) for name in names)]
    return small.model_copy(update={"freeze": kept})


def _pieces(data: TrainingData, config: TrainConfig, size: Size) -> TrainingData:
    num_rows = EPOCHS_OF_ROWS * size.num_rows
    return replace(
        data,
        config=config,
        sources=[
            replace(
                source,
                store=small_store(source.store, length=size.length, num_rows=num_rows),
                validation=small_store(source.validation, length=size.length, num_rows=size.num_rows),
                facts={**source.facts, "length": size.length},
            )
            for source in data.sources
        ],
    )
