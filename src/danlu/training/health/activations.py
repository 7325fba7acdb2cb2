"""What modules put out while tokens go through a model: how large it is, whether it is finite, which units are dead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from danlu.training.health.modules import keyed, module_of, watched_modules

NEAR_ZERO = 1e-3
"""A unit of a feed-forward layer is dead if it was at most this share of the layer's root mean square, for every token
that was looked at."""


@dataclass
class Seen:
    """What was seen, by module."""

    rms: dict[str, torch.Tensor] = field(default_factory=dict)
    """Root mean square over tokens and units."""
    largest: dict[str, torch.Tensor] = field(default_factory=dict)
    """Absolute value."""
    non_finite: dict[str, torch.Tensor] = field(default_factory=dict)
    """How many entries."""
    dead: dict[str, torch.Tensor] = field(default_factory=dict)
    """Share of the units."""
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)
    """(tokens, width); only where they are wanted."""

    def metrics(self) -> dict[str, float]:
        """By the names of metrics."""
        named = {
            "activation_rms": self.rms,
            "activation_max": self.largest,
            "non_finite": self.non_finite,
            "dead_share": self.dead,
        }
        return {
            name: value
            for metric, of_modules in named.items()
            for name, value in keyed(metric, {module: float(found) for module, found in of_modules.items()}).items()
        }


@contextmanager
def activations_seen(model: Any, num_tokens: int, *, keeps_outputs: bool = False) -> Iterator[Seen]:
    """Look at what goes through `model` in the body.

    Args:
        model: Uncompiled.
        num_tokens: Of the sequence; those behind only fill it up.
        keeps_outputs: Whether outputs are kept, for histograms.
    """
    seen = Seen()

    def see_output(name: str, output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        if not isinstance(tensor, torch.Tensor):
            return
        tokens = tensor.detach().flatten(0, -2)[:num_tokens].float()
        seen.rms[name] = tokens.square().mean().sqrt()
        seen.largest[name] = tokens.abs().amax()
        seen.non_finite[name] = (~tokens.isfinite()).sum()
        if keeps_outputs:
            seen.outputs[name] = tokens

    def see_units(name: str, units: torch.Tensor) -> None:
        tokens = units.detach().flatten(0, -2)[:num_tokens].float().abs()
        seen.dead[name] = (tokens.amax(0) <= NEAR_ZERO * tokens.square().mean().sqrt()).float().mean()

    with ExitStack() as hooks:
        for name, module in watched_modules(model).items():
            hook = module.register_forward_hook(lambda _, __, output, name=name: see_output(name, output))
            hooks.callback(hook.remove)
        for name, module in _ends_of_feed_forward(model).items():
            hook = module.register_forward_pre_hook(lambda _, inputs, name=name: see_units(name, inputs[0]))
            hooks.callback(hook.remove)
        yield seen


def _ends_of_feed_forward(model: Any) -> dict[str, torch.nn.Module]:
    """The linear layers that take the inner units of a feed-forward layer back to the width of the model."""
    config = model.config.get_text_config()
    inner, width = getattr(config, "intermediate_size", None), config.hidden_size
    found: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        shape = (getattr(module, "in_features", None), getattr(module, "out_features", None))
        if shape == (inner, width) and inner != width and not name.endswith("base_layer"):
            found.setdefault(module_of(name), module)
    return found
