"""How small a check is made, so that it takes a minute or two on two cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from danlu.models.flops import TrainingFlops
from danlu.models.probe import config_from
from danlu.training.config import TrainConfig
from danlu.training.setup import weightless_trainable

LENGTHS = (256, 128)
"""Of rows, in tokens, at most."""
MOST_ROWS = 4
"""Of a step."""
MOST_STEPS, FEWEST_STEPS = 12, 4
FEW_LAYERS = 2
"""At least; more where a model has more kinds of layers."""
AFFORDABLE_FLOPS = 4e11
"""For one short training, of which there are about ten. Two cores make some 10^11 a second in float32."""


@dataclass(frozen=True)
class Size:
    num_layers: int
    length: int
    """Of rows, in tokens."""
    num_rows: int
    """Of a step."""
    num_steps: int


def choose_size(settings: TrainConfig, model_config: Mapping[str, Any], length: int) -> Size:
    """The first that can be afforded: the whole model on longer or shorter rows, then few of its layers; then fewer
    steps.

    Args:
        settings: Of the stage.
        model_config: Content of the model's ``config.json``.
        length: Of the stage's rows.
    """
    config = config_from(model_config)
    num_rows = min(settings.batch.rows, MOST_ROWS)
    depths = dict.fromkeys([config.num_hidden_layers, num_few_layers(config)])
    lengths = dict.fromkeys(min(length, most) for most in LENGTHS)
    unfrozen = settings.model_copy(update={"freeze": []})  # a pattern may name a layer that is not there
    num_steps = 0
    for num_layers in depths:
        flops = TrainingFlops.of(weightless_trainable({**model_config, **with_layers(config, num_layers)}, unfrozen))
        for row_length in lengths:
            num_tokens = num_rows * row_length
            step = flops.total(num_tokens, num_tokens, num_tokens * row_length / 2)
            num_steps = min(MOST_STEPS, int(AFFORDABLE_FLOPS / step))
            if num_steps == MOST_STEPS:
                return Size(num_layers, row_length, num_rows, num_steps)
    return Size(num_layers, row_length, num_rows, max(FEWEST_STEPS, num_steps))


def num_few_layers(config: Any) -> int:
    """Layers from the first on, until every kind that the model has is there."""
    kinds = list(getattr(config, "layer_types", None) or [])
    needed = max((kinds.index(kind) + 1 for kind in set(kinds)), default=0)
    return min(int(config.num_hidden_layers), max(FEW_LAYERS, needed))


def with_layers(config: Any, num_layers: int) -> dict[str, Any]:
    """What a ``config.json`` must say instead, for only the first layers of a model."""
    if num_layers == config.num_hidden_layers:
        return {}
    name = config.attribute_map.get("num_hidden_layers", "num_hidden_layers")
    kinds = getattr(config, "layer_types", None)
    return {name: num_layers} | ({"layer_types": kinds[:num_layers]} if kinds else {})
