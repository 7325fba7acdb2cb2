"""How a training is laid out over processes, as the recipe says it."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from danlu.artifacts.manifest import Strict

DIMENSIONS = ("pipeline", "data", "shard", "expert", "context", "tensor")
"""Neighbours in the last ones talk most, so these are neighbouring ranks: on one machine, if they can be."""
BATCH_DIMENSIONS = ("data", "shard", "expert")
"""Along these, ranks read different rows."""


class ParallelSettings(Strict):
    """How many processes divide what. They are multiplied: ``{data: 2, tensor: 2}`` is four processes.

    What is trained does not depend on it beyond rounding: batches are the same, and so are the sums.
    """

    data: int = Field(1, ge=1)
    """Copies of the model, each of which reads its share of a step's rows. (Data parallel.)"""
    shard: int = Field(1, ge=1)
    """As `data`, and every weight, gradient and optimizer state is on one of these processes only; a layer is put
    together while it is worked on. (FSDP2; with `data`, hybrid.)"""
    tensor: int = Field(1, ge=1)
    """Each layer's weights are divided, and between layers the tokens. (Tensor and sequence parallel.)"""
    context: int = Field(1, ge=1)
    """The tokens of a row are divided, for long rows. (Context parallel.)"""
    pipeline: int = Field(1, ge=1)
    """The layers are divided, and rows go through them one behind the other. (Pipeline parallel.)"""
    expert: int = Field(1, ge=1)
    """As `data`, and each process has some of the experts; tokens are sent there. (Expert parallel.)"""
    schedule: Literal["1f1b", "interleaved"] = "1f1b"
    """Of the pipeline. ``interleaved``: each process has `chunks` pieces of the model instead of one, so that less
    time is spent waiting."""
    chunks: int = Field(2, ge=2)
    """Pieces of the model on each process, for the interleaved schedule."""

    @property
    def num_processes(self) -> int:
        return math.prod(self.sizes.values())

    @property
    def sizes(self) -> dict[str, int]:
        """By dimension, those of one included."""
        return {name: int(getattr(self, name)) for name in DIMENSIONS}

    def describe(self) -> str:
        """For people."""
        parts = [f"{name} {size}" for name, size in self.sizes.items() if size > 1]
        return " x ".join(parts) or "one process"
