"""Curves of trainings by formula: a power law with noise, and what goes wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from danlu.monitoring.curves import Curves, DataFacts, Floats, Series

STEPS = 400
NOISE = 0.05


def power_law(steps: int = STEPS, *, start: float = 6.5, end: float = 3.0, exponent: float = 0.4) -> Floats:
    """From `start`, falling as steps^-exponent towards about `end`."""
    at = np.arange(1, steps + 1)
    fallen: Floats = end + (start - end) * ((at / 8 + 1.0) ** -exponent)
    return fallen


def noisy(values: Floats, *, seed: int = 0, noise: float = NOISE) -> Floats:
    """With normal noise."""
    spoilt: Floats = values + noise * np.random.default_rng(seed).standard_normal(len(values))
    return spoilt


def cosine(steps: int = STEPS, *, highest: float = 1e-3) -> Floats:
    """A rate that rises over a tenth of the steps and falls to a tenth."""
    at = np.arange(1, steps + 1)
    warmup = max(1, steps // 10)
    rate: Floats = np.where(
        at < warmup,
        highest * at / warmup,
        highest * (0.1 + 0.45 * (1 + np.cos(np.pi * (at - warmup) / max(1, steps - warmup)))),
    )
    return rate


def series(values: Any, *, first: float = 1, every: float = 1) -> Series:
    array = np.asarray(values, np.float64)
    return Series(first + every * np.arange(len(array)), array)


def curves(loss: Floats | None = None, *, data: DataFacts | None = None, **more: Any) -> Curves:
    """A healthy run of our own, but for what is given. Metrics are given with ``__`` for a slash."""
    settings = more.pop("settings", {"optimizer": {"kind": "adamw", "learning_rate": 1e-3}, "max_gradient_norm": 1.0})
    rest = {name: more.pop(name) for name in ("is_running", "error", "num_steps") if name in more}
    loss = noisy(power_law()) if loss is None else loss
    count = len(loss)
    found = {
        "train/loss": series(loss),
        "train/learning_rate": series(cosine(count)),
        "train/gradient_norm": series(noisy(np.full(count, 1.0), seed=1)),
        "train/seconds": series(noisy(np.full(count, 0.5), seed=2, noise=0.01)),
        "train/data_seconds": series(np.full(count, 0.004)),
        "update_ratio/layers.0.mlp": series(np.full(max(1, count // 10), 2e-3), every=10),
        "parameter_norm/layers.0.mlp": series(np.full(max(1, count // 10), 20.0), every=10),
        "attention_entropy/layers.0": series(np.full(max(1, count // 10), 0.6), every=10),
        "validation/loss": series(power_law()[19::20], first=20, every=20),
    }
    for name, values in more.items():
        metric = name.replace("__", "/").replace("_dot_", ".")
        if values is None:
            found.pop(metric, None)
        else:
            found[metric] = values if isinstance(values, Series) else series(values)
    return Curves("run", found, "tuned", settings, data=data or DataFacts(unigram_nats=5.5), **rest)
