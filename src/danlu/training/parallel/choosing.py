"""``parallel: auto``: the layout that divides the model least and still fits the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import torch

from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.models.precision import compute_dtype
from danlu.training.companions import num_copies, num_passing_copies
from danlu.training.config import TrainConfig
from danlu.training.parallel.checks import check_layout
from danlu.training.parallel.settings import ParallelSettings

HEADROOM = 0.7
"""Share of the memory that weights and what is trained may take; the rest is for activations."""
STATES = {"sgd": 1, "lion": 1, "muon": 1, "rmsprop": 1, "adafactor": 0}
"""Numbers that an optimizer keeps for each weight; two if not named."""
FLOAT32_BYTES = 4


def chosen(
    config: TrainConfig, model_config: dict[str, Any], num_parameters: int, num_trained: int, size: int | None = None
) -> tuple[ParallelSettings, str | None]:
    """The layout of a training, and why it is this one; None where it is what the settings say.

    Args:
        config: Of the stage.
        model_config: Content of the model's ``config.json``.
        num_parameters: Of the model.
        num_trained: Of these, trained.
        size: How many processes there are; what settings and machine say if not given.

    Raises:
        UserError: nothing fits.
    """
    if not config.parallel.auto:
        return _without_idle_offload(config.parallel)
    size = size or config.parallel.processes or max(1, torch.cuda.device_count())
    needed = model_bytes(config, num_parameters, num_trained)
    memory, whose = _memory_of_a_rank(size)
    for layout in _in_order(size):
        divided = layout.sizes["shard"] * layout.sizes["tensor"]
        room = psutil.virtual_memory().total / size if layout.offload else memory
        if needed / divided <= HEADROOM * room and _is_possible(config, model_config, layout):
            share = f"{needed / divided / 2**30:.2f} GiB of weights and optimizer state"
            why = f"each process holds {share}, and {whose} has {memory / 2**30:.1f} GiB"
            return layout, f"parallel: auto chose {layout.describe()}: {why}"
    raise UserError(
        f"parallel: auto found no layout of {size} processes: the model and its optimizer take"
        f" {needed / 2**30:.1f} GiB, and {whose} has {memory / 2**30:.1f} GiB.",
        "Take more processes, an adapter, or an optimizer with less state (optimizer.kind: lion).",
    )


def model_bytes(config: TrainConfig, num_parameters: int, num_trained: int) -> int:
    """Of weights, gradients, optimizer state and averages, undivided."""
    dtype = compute_dtype(config.precision)
    weights = num_parameters * (dtype.itemsize if config.adapter else FLOAT32_BYTES)
    rounded = 0 if config.adapter or dtype == torch.float32 else num_parameters * dtype.itemsize
    states = STATES.get(config.optimizer.kind, 2)
    copies = 1 + states + num_copies(config) + num_passing_copies(config)
    return weights + rounded + num_trained * FLOAT32_BYTES * (copies + (1 if config.adapter else 0))


def _without_idle_offload(layout: ParallelSettings) -> tuple[ParallelSettings, str | None]:
    """Without a GPU there is no other memory, and the same recipe is to run there, too."""
    if not layout.offload or default_device() == "cuda":
        return layout, None
    return layout.model_copy(update={"offload": False}), "parallel.offload is left out: there is no GPU here"


def _in_order(size: int) -> Iterator[ParallelSettings]:
    """From what talks least: whole copies, copies of which some ranks share one, divided layers, and at last, with
    GPUs, what waits in main memory."""
    yield ParallelSettings(data=size)
    for shard in (number for number in range(2, size + 1) if size % number == 0):
        yield ParallelSettings(data=size // shard, shard=shard)
    for tensor in (2, 4, 8):
        if size % tensor == 0 and size > tensor:
            yield ParallelSettings(shard=size // tensor, tensor=tensor)
    if default_device() == "cuda":
        yield ParallelSettings(shard=size, offload=True)


def _is_possible(config: TrainConfig, model_config: dict[str, Any], layout: ParallelSettings) -> bool:
    try:
        check_layout(config.model_copy(update={"parallel": layout}), model_config)
    except UserError:
        return False
    return True


def _memory_of_a_rank(size: int) -> tuple[int, str]:
    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory), torch.cuda.get_device_name(0)
    return psutil.virtual_memory().total // size, "its share of this machine's memory"
