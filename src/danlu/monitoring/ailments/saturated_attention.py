"""Saturated attention: a whole layer looks at single tokens.

Softmax over scores that are too large gives all weight to one key; then its gradient is nearly zero, and the layer can
no longer learn where to look (Zhai et al. 2023, arXiv:2303.06296, call it entropy collapse). Recorded is the entropy of
the weights over the logarithm of the number of keys, so that 1 is an even look at all keys and 0 a look at one. A layer
counts as saturated where the mean of its heads stays below `LOW` over the last quarter of the run. At a hundred keys
that is the entropy of a weight of 98 % on one key, through which less than 2 % of a gradient pass, p (1 - p). Layers
that look at one token by choice, the one before for instance, are of use and stay above it.
"""

from __future__ import annotations

import numpy as np

from danlu.monitoring.curves import Curves, Series, by_layer
from danlu.monitoring.finding import Change, Evidence, Finding, Severity, Unseen

KEY = "saturated_attention"
LOW = 0.02
MOST_SHOWN = 6


def look(curves: Curves) -> list[Finding] | Unseen:
    layers = {name: series.finite for _, name, series in by_layer(curves.of_modules("attention_entropy"))}
    layers = {name: series for name, series in layers.items() if len(series)}
    if not layers:
        return Unseen("how far attention spreads was not recorded")
    ends = {name: _end(series) for name, series in layers.items()}
    saturated = {name: value for name, value in ends.items() if value < LOW}
    if not saturated:
        return []
    worst = min(saturated, key=lambda name: saturated[name])
    begins = float(layers[worst].values[0])
    how = (
        f"from {begins:.2f} at the start to {ends[worst]:.3f}" if begins >= LOW else f"at {ends[worst]:.3f} throughout"
    )
    sentence = (
        f"Attention looks at single tokens in {len(saturated)} of {len(layers)} layers; its entropy (0: one token, 1:"
        f" all alike) is lowest in {worst}, {how}."
    )
    shown = dict(sorted(layers.items(), key=lambda item: ends[item[0]])[:MOST_SHOWN])
    evidence = [
        Evidence("Entropy of attention, over that of an even look", "", shown, None, LOW, f"{LOW:g}: one token")
    ]
    rate = curves.setting("optimizer", "learning_rate")
    changes = [
        Change(
            "Scores grow without limit where nothing holds them: architecture: qwen3 in the initialize stage"
            " normalises queries and keys."
        ),
        Change(
            "Queries and keys grow less with a lower rate.",
            curves.set_option("optimizer.learning_rate", f"{rate / 3:.1g}") if rate else None,
        ),
    ]
    groups = curves.setting("optimizer", "groups", default=[])
    for group in groups:
        if group.get("learning_rate_factor", 1.0) > 1 and any(
            part in group["pattern"] for part in ("q_", "k_", "attn")
        ):
            why = f"{group['pattern']} learns {group['learning_rate_factor']:g} times as fast as the rest."
            changes.insert(0, Change(why, curves.set_option("optimizer.groups", "[]")))
    severity = Severity.CRITICAL if len(saturated) > len(layers) / 2 else Severity.WARNING
    return [Finding(KEY, severity, sentence, evidence, changes, {"lowest": ends[worst], "layers": len(saturated)})]


def _end(series: Series) -> float:
    return float(np.median(series.values[-max(1, len(series) // 4) :]))
