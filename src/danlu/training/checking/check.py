"""Checking a stage: every equivalence of the table on a small part of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from danlu.artifacts.stage import StageConfig, StageContext
from danlu.errors import UserError
from danlu.training.checking.difference import (
    FEWEST_RELATIVE,
    ROUNDING_FACTOR,
    Difference,
    difference,
    exactly,
    exceeds,
    worst,
)
from danlu.training.checking.equivalence import Equivalence, Finding
from danlu.training.checking.precision import own_precision
from danlu.training.checking.size import Size
from danlu.training.checking.subject import SOUND, Subject, Ways, make_subject
from danlu.training.checking.table import EQUIVALENCES
from danlu.training.config import TrainConfig

ROUNDING = (
    f"float32 rounding: {FEWEST_RELATIVE:g}, or {ROUNDING_FACTOR:g} times what weights off by a unit in their last"
    " place move, whichever is more"
)
BITS = "the same numbers, so the same bits"


@dataclass(frozen=True)
class Checked:
    """What was found about one stage."""

    stage: str
    size: Size
    num_layers: int
    """Of the whole model."""
    findings: list[Finding]
    precision: str
    """The stage's own."""
    precision_adds: Difference | None
    """To float32; None where it is that."""

    @property
    def differs(self) -> list[str]:
        """Names of the equivalences that do not hold."""
        return [finding.name for finding in self.findings if finding.verdict == "differs"]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "differs": self.differs}


def with_earlier_dropout(config: TrainConfig, earlier: Sequence[StageConfig]) -> TrainConfig:
    """The settings with the dropout that stages which are passed over would have left in the model's config.

    Args:
        config: Of the stage that is checked.
        earlier: Of the stages that would make its model, in order.
    """
    left = [
        before.regularisation.dropout
        for before in earlier
        if isinstance(before, TrainConfig) and before.adapter is None and before.regularisation.dropout is not None
    ]
    if not left or config.regularisation.dropout is not None:
        return config
    changed = config.regularisation.model_copy(update={"dropout": left[-1]})
    return config.model_copy(update={"regularisation": changed})


def check_stage(config: TrainConfig, context: StageContext, ways: Ways = SOUND) -> Checked:
    """Train the stage's model for a few steps in ways that must agree, and compare. Nothing of it is kept.

    Args:
        config: Of the train stage.
        context: With its inputs made; an earlier model of the same architecture may stand in for the model.
        ways: What training is made with.

    Raises:
        UserError: the stage itself could not be run.
    """
    with (
        TemporaryDirectory(prefix="check-", dir=context.workspace.root) as scratch,
        context.reporter.progress(f"checking {context.name}", len(EQUIVALENCES) + 1, "equivalences") as task,
    ):
        subject = make_subject(config, context, scratch=Path(scratch), task=task, ways=ways)
        findings = []
        for equivalence in EQUIVALENCES:
            findings.append(_find(equivalence, subject))
            task.advance()
        precision, adds = own_precision(subject)
        task.advance()
    return Checked(context.name, subject.size, subject.num_layers, findings, precision, adds)


def _find(equivalence: Equivalence, subject: Subject) -> Finding:
    started = time.perf_counter()
    reason = equivalence.why_not(subject)
    if reason:
        return Finding(equivalence.name, equivalence.compares, "does not apply", reason)
    like = equivalence.like(subject) if equivalence.like else None
    rounding = subject.tolerances(like) if like else None
    try:
        found = difference(*equivalence.pair(subject))
    except UserError as error:  # where the tolerances came from it did not break down
        return Finding(equivalence.name, equivalence.compares, "differs", error.what)
    tolerances = exactly(found) if rounding is None else rounding
    return Finding(
        equivalence.name,
        equivalence.compares,
        "differs" if exceeds(found, tolerances) else "agrees",
        BITS if rounding is None else ROUNDING,
        found,
        tolerances,
        worst(found, tolerances),
        round(time.perf_counter() - started, 3),
    )
