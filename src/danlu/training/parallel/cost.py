"""What a training takes on several processes of this machine, from what it takes on one."""

from __future__ import annotations

from danlu.training.cost import TrainingCost
from danlu.training.parallel.settings import ParallelSettings

LIBRARY_BYTES = 330 * 10**6
"""Of the process that ranks are forked from; they share it."""
RANK_BYTES = 110 * 10**6
"""Of a rank by itself, without a model: torch's threads and buffers for talking."""
START_SECONDS = 9.0
"""Of the first process on one core: imports, and ranks that find each other."""


def memory_on_ranks(cost: TrainingCost, layout: ParallelSettings, num_cores: int) -> int:
    """Bytes of all processes together at the peak, the one that started them included.

    Weights and what is trained are there once for each copy of the model. A micro-batch's activations are divided with
    the layers' weights or its tokens; in a pipeline as many are under way as it has ranks.
    """
    sizes, size = layout.sizes, layout.num_processes
    copies = size / (sizes["shard"] * sizes["tensor"] * sizes["pipeline"])
    at_once = size * max(1, num_cores // size) if layout.is_data_only else size
    passing = cost.passing_bytes / cost.micro_batches_at_once * at_once / (sizes["tensor"] * sizes["context"])
    of_ranks = LIBRARY_BYTES + size * RANK_BYTES
    return int(cost.held_bytes + of_ranks + copies * (cost.weight_bytes + cost.trained_bytes) + passing)
