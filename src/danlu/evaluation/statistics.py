"""How sure a loss and a difference of losses are, when the rows are a sample of what could have been asked.

Rows are the units: tokens of one row are not independent, so whole rows are drawn again. Two models are compared on the
same rows, so each resample takes the same rows of both, and the test looks at differences within rows.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluation.config import BootstrapConfig
from danlu.evaluation.scoring import Scores

BCA_ROWS = 2000
"""Up to here intervals are bias-corrected and accelerated (quadratic in rows); beyond, percentiles are as good."""
VALUES_PER_BATCH = 4_000_000
"""Row values that exist at a time while resampling (8 bytes each)."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """The loss of `model` minus the loss of `baseline`, in nats per token; below zero, `model` is better."""

    model: str
    baseline: str
    mean: float
    interval: Interval
    p_value: float
    """Two-sided: how often flipping signs of the rows' differences at random gives so large a difference."""
    num_better: int
    """Rows on which `model` has the smaller loss."""


def loss_interval(scores: Scores, config: BootstrapConfig) -> Interval:
    """Interval of `Scores.loss`."""
    return _bootstrap(_ratio, (scores.nll, scores.num_tokens), config)


def perplexity_interval(interval: Interval) -> Interval:
    """exp of both ends: perplexity rises with loss, so its interval is the image of the loss's."""
    return perplexity(interval[0]), perplexity(interval[1])


def perplexity(loss: float) -> float:
    """exp(loss), at most what a float64 holds."""
    return math.exp(min(loss, 709.0))


def compare(name: str, scores: Scores, baseline_name: str, baseline: Scores, config: BootstrapConfig) -> Difference:
    """The paired difference between two models on the same rows."""
    samples = (scores.nll, scores.num_tokens, baseline.nll, baseline.num_tokens)
    return Difference(
        model=name,
        baseline=baseline_name,
        mean=scores.loss - baseline.loss,
        interval=_bootstrap(_ratio_difference, samples, config),
        p_value=sign_flip_p_value(
            scores.nll / scores.num_tokens.sum() - baseline.nll / baseline.num_tokens.sum(), config
        ),
        num_better=int((scores.row_losses < baseline.row_losses).sum()),
    )


def sign_flip_p_value(differences: npt.NDArray[np.float64], config: BootstrapConfig) -> float:
    """Two-sided p-value of the paired permutation test.

    Were the two models exchangeable, each row's difference could as well have the other sign. All 2^n patterns of signs
    are tried where they are no more than ``samples``, else a random choice.

    Args:
        differences: Shape (num_rows,): each row's share of the difference.
    """
    from scipy import stats

    if not differences.any():
        return 1.0
    result = stats.permutation_test(
        (differences,),
        lambda values, axis: values.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=config.samples,
        batch=_batch(len(differences)),
        rng=np.random.default_rng(config.seed),
    )
    return float(result.pvalue)


def _ratio(nll: Any, tokens: Any, axis: int = -1) -> Any:
    return nll.sum(axis=axis) / tokens.sum(axis=axis)


def _ratio_difference(nll: Any, tokens: Any, baseline_nll: Any, baseline_tokens: Any, axis: int = -1) -> Any:
    return _ratio(nll, tokens, axis) - _ratio(baseline_nll, baseline_tokens, axis)


def _bootstrap(statistic: Any, samples: tuple[npt.NDArray[Any], ...], config: BootstrapConfig) -> Interval:
    num_rows = len(samples[0])

    def interval(method: str) -> Interval:
        from scipy import stats

        result = stats.bootstrap(
            samples,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=config.samples,
            confidence_level=config.confidence,
            method=method,
            batch=_batch(num_rows),
            rng=np.random.default_rng(config.seed),
        ).confidence_interval
        return float(result.low), float(result.high)

    if num_rows > BCA_ROWS:
        return interval("percentile")
    with warnings.catch_warnings():
        # Rows that are all alike leave nothing to accelerate; scipy says so and answers nan.
        warnings.simplefilter("ignore")
        low, high = interval("BCa")
    return (low, high) if math.isfinite(low) and math.isfinite(high) else interval("percentile")


def _batch(num_rows: int) -> int:
    return max(1, VALUES_PER_BATCH // num_rows)
