"""How a training is laid out over processes, as the recipe says it."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from danlu.artifacts.manifest import Strict

DIMENSIONS = ("pipeline", "data", "shard", "expert", "context", "tensor")
"""Neighbours in the last ones talk most, so these are neighbouring ranks: on one machine, if they can be."""
BATCH_DIMENSIONS = ("data", "shard", "expert")
"""Along these, ranks read different rows."""


class ApartSettings(Strict):
    """Copies that train by themselves and meet now and then, for links too slow to meet at every step.

    Each copy takes its own optimizer steps on its own share of the rows. When they meet, the mean of how far they have
    come is the gradient of an outer optimizer, SGD with Nesterov's momentum (DiLoCo, Douillard et al. 2023,
    arXiv:2311.08105). With an outer learning rate of 1 and no momentum it is local SGD (Stich 2018, arXiv:1805.09767).
    """

    copies: int = Field(ge=2)
    """How many, each on a process of its own. Another number trains something else."""
    every_steps: int = Field(20, ge=1)
    """Between two meetings, or before what was learnt is handed in; once more after the last step."""
    outer_learning_rate: float = Field(0.7, gt=0)
    outer_momentum: float = Field(0.9, ge=0, lt=1)
    asynchronous: bool = False
    """Copies do not wait for one another: each hands in what it has learnt, takes what all have learnt so far, and goes
    on with the next rows that nobody has; a fast one reads more. The first process is the parameter server. They do
    meet to save a checkpoint, to validate and to stop. What comes of it depends on who was faster."""


class ParallelSettings(Strict):
    """How many processes divide what. They are multiplied: ``{data: 2, tensor: 2}`` is four processes.

    What is trained does not depend on it beyond rounding: batches are the same, and so are the sums.
    """

    auto: bool = False
    """``parallel: auto``: what divides the model least and fits the memory is chosen, for all processes there are."""
    processes: int | None = Field(None, ge=1)
    """For `auto`: how many. Default: as many as there are GPUs, and one without; under torchrun, all it started."""
    data: int = Field(1, ge=1)
    """Copies of the model, each of which reads its share of a step's rows. (Data parallel.)"""
    shard: int = Field(1, ge=1)
    """As `data`, and every weight, gradient and optimizer state is on one of these processes only; a layer is put
    together while it is worked on. (FSDP2; with `data`, hybrid.)"""
    offload: bool = False
    """With `shard`, or on one GPU alone: weights, gradients and the optimizer's state wait in main memory, and a layer
    is on the GPU while it is worked on. Slower, for models that do not fit otherwise. (FSDP2's CPU offload.)"""
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

    @model_validator(mode="before")
    @classmethod
    def _in_a_word(cls, given: Any) -> Any:
        return {"auto": True} if given == "auto" else given

    @model_validator(mode="after")
    def _one_or_the_other(self) -> ParallelSettings:
        given = sorted(self.model_fields_set & {*DIMENSIONS, "offload"})
        if self.auto and given:
            raise ValueError(f"auto chooses {given[0]}; leave one of them out")
        if self.processes is not None and not self.auto:
            raise ValueError("processes goes with auto; say how they divide the work instead, for example data")
        return self

    @property
    def is_data_only(self) -> bool:
        """Whether all ranks hold the whole model."""
        return self.num_processes == self.data and not self.offload

    @property
    def is_sharded(self) -> bool:
        """Whether FSDP2 holds the weights, be it for one process."""
        return self.shard > 1 or self.offload

    @property
    def needs_ranks(self) -> bool:
        """Whether torch's process groups are needed."""
        return self.num_processes > 1 or self.offload

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
        return (" x ".join(parts) or "one process") + (", offloaded" if self.offload else "")
