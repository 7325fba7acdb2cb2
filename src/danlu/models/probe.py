"""What a model costs on this machine, found by running a shallow copy of it.

Decoder layers are alike, so time and memory grow linearly with their number. Two copies of the model with random
weights, `SHALLOW` and `DEEP` layers deep, are run on a batch shaped like the real one; the line through the two gives
the cost at full depth. This takes seconds, needs no download, and sees whatever this machine, its load and its
libraries do today, where a table of constants would not.

The two take turns. For 30 layers the line multiplies an error in one of the two times by five, so a machine that was
faster while one of them ran than while the other did would move the result by as much.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any, TypeVar

import torch

from danlu.models.tasks import Task, auto_class

SHALLOW, DEEP = 1, 6
FEWEST_ROUNDS, MOST_ROUNDS, ENOUGH_SECONDS = 3, 12, 8.0
"""Of turns; in between, until so much time has passed."""


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
    made = [make(num_layers) for num_layers in (SHALLOW, DEEP)]
    kept = [_kept_bytes(weights(one), partial(one_pass, one)) for one in made]
    seconds = _seconds_side_by_side([partial(work, one) for one in made])
    return Cost(
        seconds=max(0.0, at_depth(seconds, config.num_hidden_layers)),
        activation_bytes=int(at_depth(kept, config.num_hidden_layers)),
    )


def at_depth(values: list[float] | list[int], num_layers: int) -> float:
    """The line through (SHALLOW, values[0]) and (DEEP, values[1]), at `num_layers`."""
    per_layer = (values[1] - values[0]) / (DEEP - SHALLOW)
    return values[0] + per_layer * (num_layers - SHALLOW)


def _seconds_side_by_side(works: Sequence[Callable[[], object]]) -> list[float]:
    """What each of two works takes, as if both met the machine in the same state.

    They take turns: the ratio is the median over the turns, and the level the mean, since the real work meets what else
    runs on this machine, too.
    """
    for work in works:
        work()  # what is compiled or allocated once
    rounds: list[list[float]] = []
    started = time.perf_counter()
    while len(rounds) < FEWEST_ROUNDS or (len(rounds) < MOST_ROUNDS and time.perf_counter() - started < ENOUGH_SECONDS):
        rounds.append([_seconds(work) for work in works])
    ratio = statistics.median(second / first for first, second in rounds)
    first = statistics.fmean(map(sum, rounds)) / (1 + ratio)
    return [first, ratio * first]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


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
