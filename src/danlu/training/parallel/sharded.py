"""Every weight on one rank only, put together layer by layer while it is worked on: torch's FSDP2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from transformers.modeling_layers import GradientCheckpointingLayer

from danlu.models.precision import compute_dtype
from danlu.training.batches import Batch, MicroBatch
from danlu.training.config import TrainConfig
from danlu.training.dropout import draws_random_numbers
from danlu.training.objectives.objective import Objective
from danlu.training.optimizer import trained_parameters


class WholeModel(torch.nn.Module):
    """A model and its loss as one module, in whose forward pass every weight is there."""

    def __init__(self, model: Any, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self._objective = objective
        self._draws = draws_random_numbers(model)

    def forward(self, micro: MicroBatch) -> torch.Tensor:
        if self._draws:
            torch.manual_seed(micro.seed)
        return self._objective(self.model, micro)


def layers_of(module: torch.nn.Module) -> list[torch.nn.Module]:
    """Of a transformers model, in order."""
    return [layer for layer in module.modules() if isinstance(layer, GradientCheckpointingLayer)]


def pass_dtype(config: TrainConfig, model: Any) -> torch.dtype | None:
    """Of the passes over `model`; None where it is that of the weights."""
    dtype = compute_dtype(config.precision)
    trained = trained_parameters(model)
    return None if config.adapter or all(parameter.dtype == dtype for parameter in trained) else dtype


def shard(
    root: torch.nn.Module,
    layers: Iterable[torch.nn.Module],
    mesh: DeviceMesh,
    dtype: torch.dtype | None,
    *,
    offload: bool = False,
) -> None:
    """Have FSDP2 shard the layers, and what is around them together.

    Args:
        root: Holds the layers; its forward pass is the one that is called.
        layers: Each is put together when it is worked on.
        mesh: Of one dimension.
        dtype: Of the passes; None for that of the weights. Gradients are added up in float32.
        offload: Whether what a rank holds waits in main memory.
    """
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    waiting = CPUOffloadPolicy(pin_memory=torch.cuda.is_available()) if offload else OffloadPolicy()
    made = partial(fully_shard, mesh=mesh, mp_policy=policy, offload_policy=waiting)
    for layer in layers:
        _sum_gradients(made(layer))
    _sum_gradients(made(root, reshard_after_forward=False))


def _sum_gradients(module: FSDPModule) -> None:
    """Instead of their mean: losses are sums over targets, divided once by those of the whole batch."""
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)


class ShardedPasses:
    """Losses and gradients of a model that FSDP2 shards; all ranks have to make as many passes.

    Args:
        module: Sharded.
        sharded: Its trained parameters.
        held: The boxes of these that are on this rank; their gradients are set.
        offload: Whether these are in main memory: then gradients are taken there after each pass, where there is room.
    """

    def __init__(
        self, module: Any, sharded: list[torch.Tensor], held: list[torch.Tensor], *, offload: bool = False
    ) -> None:
        self._held = held
        self._module = module
        self._sharded = sharded
        self._offload = offload
        module.train()

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float:
        """As `danlu.training.passes.Passes.accumulate_gradients`; gradients are summed over the sharding ranks."""
        total = 0.0
        last = len(batch.micro_batches) - 1
        for number, micro in enumerate(batch.micro_batches):
            self._module.set_requires_gradient_sync(self._offload or number == last)
            loss = self._module(micro)
            (loss * (scale / batch.num_targets)).backward()
            total += float(loss.detach())
        take_gradients(self._sharded, self._held)
        return total / batch.num_targets

    def sum_loss(self, micro_batches: Sequence[MicroBatch]) -> tuple[float, int]:
        """As `danlu.training.passes.Passes.sum_loss`, of this rank's share."""
        self._module.eval()
        with torch.no_grad():
            total = sum(float(self._module(micro)) for micro in micro_batches)
        self._module.train()
        return total, sum(micro.num_targets for micro in micro_batches)


def take_gradients(sharded: list[torch.Tensor], held: list[torch.Tensor]) -> None:
    """From FSDP2's parameters to the tensors that the optimizer moves."""
    for parameter, own in zip(sharded, held, strict=True):
        gradient: Any = parameter.grad
        own.grad = None if gradient is None else gradient.to_local()
        parameter.grad = None
