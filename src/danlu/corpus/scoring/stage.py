"""``do: train_scorer``: corpora -> kind ``scorer``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.stage import Estimate, StageContext
from danlu.corpus.compiling import telling
from danlu.corpus.scoring.config import TrainScorerConfig
from danlu.corpus.scoring.texts import Texts, read_sides, total
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness

VERSION = 1
PREPARES = True

# Measured on English texts and Chinese news, 2 to 17 million characters; by UTF-8 bytes both languages take the same.
BASE_SECONDS = 1.5
BASE_MEMORY_BYTES = 340 * 2**20
SECONDS_PER_BYTE = {"classifier": 4e-7, "n_grams": 5e-7}
MEMORY_PER_BYTE = {"classifier": 6, "n_grams": 55}
DISK_PER_BYTE = 4
"""Of n-grams."""


def plan(config: TrainScorerConfig, context: StageContext) -> Estimate:
    """From the sizes of the corpora alone."""
    characters, size = 0, 0.0
    for setting in _settings(config):
        found = total(context.inputs[setting], "num_characters")
        learnt = min(config.sample_characters, found)
        characters += learnt
        size += total(context.inputs[setting], "num_bytes") * learnt / max(1, found)
    is_table = config.method == "n_grams"
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + size * SECONDS_PER_BYTE[config.method]),
        peak_memory_bytes=BASE_MEMORY_BYTES + int(size * MEMORY_PER_BYTE[config.method]),
        disk_bytes=int(size * DISK_PER_BYTE) if is_table else 4 * config.buckets,
        notes=[f"learns from about {characters:,} characters, without {config.held_out:.0%} of the documents"],
    )


def run(config: TrainScorerConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Choose documents, learn from them, write the scorer, read it back and measure it on those held out."""
    if find_spec("numba") is None:
        raise UserError("train_scorer needs the package numba, which is not installed.", "pip install 'danlu[data]'")
    sides = [
        read_sides(setting, context.inputs[setting], config.held_out, config.sample_characters)
        for setting in _settings(config)
    ]
    for side in sides:
        context.reporter.say(
            f"Learns from {len(side.learnt):,} documents of {side.names} ({side.num_characters:,} characters) and "
            f"holds out {len(side.held_out):,}."
        )
    with telling(context.reporter.say):
        return (
            _classifier(config, *sides, out=out) if config.method == "classifier" else _n_grams(config, *sides, out=out)
        )


def _settings(config: TrainScorerConfig) -> tuple[str, ...]:
    """That name corpora."""
    return ("good", "bad") if config.method == "classifier" else ("data",)


def _classifier(config: TrainScorerConfig, good: Texts, bad: Texts, *, out: Path) -> dict[str, Any]:
    from danlu.corpus.scoring.classifier import train
    from danlu.corpus.scoring.measures import accuracy, area_under_curve
    from danlu.corpus.scoring.scorer import load_scorer, save_scorer

    scorer = train(good.learnt, bad.learnt, config.length, config.buckets, config.strength)
    save_scorer(scorer, config.method, out)
    scorer_as_read = load_scorer(out)
    of_good, of_bad = scorer_as_read.score(good.held_out), scorer_as_read.score(bad.held_out)
    area, area_low, area_high = area_under_curve(of_good, of_bad)
    right, right_low, right_high = accuracy(of_good, of_bad)
    return {
        "method": config.method,
        "num_learnt": {"good": len(good.learnt), "bad": len(bad.learnt)},
        "num_held_out": {"good": len(good.held_out), "bad": len(bad.held_out)},
        "auc": area,
        "auc_interval": [area_low, area_high],
        "accuracy": right,
        "accuracy_interval": [right_low, right_high],
    }


def _n_grams(config: TrainScorerConfig, data: Texts, *, out: Path) -> dict[str, Any]:
    from danlu.corpus.scoring.n_grams import NGramModel, train
    from danlu.corpus.scoring.scorer import save_scorer

    model = train(data.learnt, config.length, config.min_count)
    save_scorer(model, config.method, out)
    as_read = NGramModel.load(out)
    logarithms = as_read.log_likelihoods(data.held_out)
    scores = as_read.score(data.held_out)
    return {
        "method": config.method,
        "num_learnt": len(data.learnt),
        "num_held_out": len(data.held_out),
        "num_n_grams": as_read.num_n_grams,
        "perplexity_per_character": float(np.exp(-logarithms.sum() / sum(map(len, data.held_out)))),
        "perplexity_percentiles": {
            str(percent): float(np.percentile(scores, percent)) for percent in (5, 25, 50, 75, 95)
        },
    }
