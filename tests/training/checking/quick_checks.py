"""Checks of toy stages, with the several processes of a check in one."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from danlu.artifacts.stage import StageContext
from danlu.training.checking.check import Checked, check_stage
from danlu.training.checking.subject import SOUND
from danlu.training.config import TrainConfig
from danlu.training.fitting import fitted
from danlu.training.parallel.settings import ParallelSettings
from danlu.training.world import World


def fit_in_one(config: TrainConfig, context: StageContext) -> tuple[dict[str, Any], Any]:
    """As `fit_on_ranks`, without starting any."""
    alone = config.model_copy(update={"parallel": ParallelSettings()})
    with fitted(alone, context, World()) as done:
        return done.facts, copy.deepcopy(done.model)  # with the averages in place


def check(config: TrainConfig, context: StageContext, **faulty: Any) -> Checked:
    """`check_stage` with these ways instead of sound ones."""
    return check_stage(config, context, replace(SOUND, **{"fit": fit_in_one, **faulty}))


def differing(config: TrainConfig, context: StageContext, **faulty: Any) -> set[str]:
    return set(check(config, context, **faulty).differs)


def verdicts(checked: Checked) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in checked.findings}
