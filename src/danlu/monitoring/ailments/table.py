"""The ailments there are, those that bring others first."""

from __future__ import annotations

from danlu.monitoring.ailments import (
    class_imbalance,
    data_stall,
    divergence,
    exploding_gradients,
    label_noise,
    learning_rate_high,
    learning_rate_low,
    memory_growth,
    over_fitting,
    saturated_attention,
    slow_rank,
    under_fitting,
    vanishing_gradients,
)
from danlu.monitoring.ailments.ailment import Ailment

AILMENTS = (
    Ailment(
        learning_rate_high.KEY,
        "learning rate too high",
        learning_rate_high.look,
        brings=(
            "divergence",
            "exploding_gradients",
            "vanishing_gradients",
            "saturated_attention",
            "under_fitting",
            "over_fitting",
        ),
    ),
    Ailment(
        exploding_gradients.KEY,
        "exploding gradients",
        exploding_gradients.look,
        brings=("divergence", "saturated_attention", "under_fitting", "over_fitting"),
    ),
    Ailment(
        vanishing_gradients.KEY,
        "vanishing gradients",
        vanishing_gradients.look,
        brings=("learning_rate_low", "under_fitting"),
    ),
    Ailment(learning_rate_low.KEY, "learning rate too low", learning_rate_low.look, brings=("under_fitting",)),
    Ailment(divergence.KEY, "divergence", divergence.look, brings=("over_fitting", "under_fitting")),
    Ailment(class_imbalance.KEY, "class imbalance", class_imbalance.look, brings=("under_fitting", "over_fitting")),
    Ailment(label_noise.KEY, "label noise", label_noise.look, brings=("over_fitting", "under_fitting")),
    Ailment(
        saturated_attention.KEY,
        "saturated attention",
        saturated_attention.look,
        brings=("exploding_gradients", "under_fitting"),
    ),
    Ailment(over_fitting.KEY, "over-fitting", over_fitting.look),
    Ailment(under_fitting.KEY, "under-fitting", under_fitting.look),
    Ailment(data_stall.KEY, "data stall", data_stall.look),
    Ailment(memory_growth.KEY, "memory growth", memory_growth.look),
    Ailment(slow_rank.KEY, "slow rank", slow_rank.look),
)

TITLES = {ailment.key: ailment.title for ailment in AILMENTS}
