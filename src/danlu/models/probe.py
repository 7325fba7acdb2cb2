"""What a model costs on this machine, found by running a shallow copy of it.

Decoder layers are alike, so time and memory grow linearly with their number. Two copies of the model with random
weights, `SHALLOW` and `DEEP` layers deep, are run on a batch shaped like the real one; the line through the two gives
the cost at full depth. This takes seconds, needs no download, and sees whatever this machine, its load and its
libraries do today, where a table of constants would not.
"""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any, TypeVar

import torch

from danlu.models.tasks import Task, auto_class

SHALLOW, DEEP = 1, 6
REPEATS = 2


@dataclass(frozen=True)
class Cost:
    """At full depth."""

    seconds: float
    """Of the work."""
    activation_bytes: int
    """What autograd keeps of one forward pass for the backward pass."""


def config_from(settings: Mapping[str, Any]) -> Any:
    """A transformers config from the contents of a ``config.json``."""
    from transformers import AutoConfig

    return AutoConfig.for_model(**settings)


def shallow_model(
    config: Any, num_layers: int, *, dtype: torch.dtype, attention: str | None, task: Task = "causal_lm"
) -> Any:
    """A model of `config` with the head of a task, random weights and only `num_layers` layers."""
    shallow = copy.deepcopy(config)
    shallow.num_hidden_layers = num_layers
    if getattr(shallow, "layer_types", None):
        # A model with fewer layers than the probe's gets more of the kinds it has.
        shallow.layer_types = list(islice(cycle(shallow.layer_types), num_layers))
    return auto_class(task).from_config(shallow, dtype=dtype, attn_implementation=attention)


Made = TypeVar("Made")


def measure_cost(
    config: Any,
    make: Callable[[int], Made],
    work: Callable[[Made], object],
    one_pass: Callable[[Made], object],
    weights: Callable[[Made], Iterable[torch.Tensor]],
) -> Cost:
    """What some work on the whole model costs.

    Args:
        config: The whole model's transformers config.
        make: Number of layers -> a model ready for work, or what holds one.
        work: Is timed; for training, an optimizer step.
        one_pass: One forward and backward pass, whose buffers are counted.
        weights: Those of the model, which are not counted.
    """
    seconds, kept = [], []
    for num_layers in (SHALLOW, DEEP):
        made = make(num_layers)
        kept.append(_kept_bytes(weights(made), partial(one_pass, made)))
        seconds.append(_mean_seconds(partial(work, made)))
        del made
        gc.collect()
    return Cost(
        seconds=max(0.0, at_depth(seconds, config.num_hidden_layers)),
        activation_bytes=int(at_depth(kept, config.num_hidden_layers)),
    )


def at_depth(values: list[float] | list[int], num_layers: int) -> float:
    """The line through (SHALLOW, values[0]) and (DEEP, values[1]), at `num_layers`."""
    per_layer = (values[1] - values[0]) / (DEEP - SHALLOW)
    return values[0] + per_layer * (num_layers - SHALLOW)


def _mean_seconds(work: Callable[[], object]) -> float:
    """Mean, not least: the real work meets what else runs on this machine, too."""
    work()  # what is compiled or allocated once
    started = time.perf_counter()
    for _ in range(REPEATS):
        work()
    return (time.perf_counter() - started) / REPEATS


def _kept_bytes(weights: Iterable[torch.Tensor], one_pass: Callable[[], object]) -> int:
    """Bytes of the distinct buffers that autograd keeps during a pass, weights not counted."""
    known = {tensor.untyped_storage().data_ptr() for tensor in weights}
    sizes: dict[int, int] = {}
    kept_alive: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known and storage.data_ptr() not in sizes:
            sizes[storage.data_ptr()] = storage.nbytes()
            # A buffer freed and reused under the same address would be counted once; holding it prevents that.
            kept_alive.append(tensor.detach())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        one_pass()
    return sum(sizes.values())
