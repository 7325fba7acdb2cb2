"""Every weight on one rank only, put together layer by layer while it is worked on: torch's FSDP2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from danlu.training.batches import Batch, MicroBatch
from danlu.training.dropout import draws_random_numbers
from danlu.training.objectives.objective import Objective


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


def shard(
    root: torch.nn.Module, layers: Iterable[torch.nn.Module], mesh: DeviceMesh, dtype: torch.dtype | None
) -> None:
    """Have FSDP2 shard the layers, and what is around them together.

    Args:
        root: Holds the layers; its forward pass is the one that is called.
        layers: Each is put together when it is worked on.
        mesh: Of one dimension.
        dtype: Of the passes; None for that of the weights. Gradients are added up in float32.
    """
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for layer in layers:
        _sum_gradients(fully_shard(layer, mesh=mesh, mp_policy=policy))
    _sum_gradients(fully_shard(root, mesh=mesh, mp_policy=policy, reshard_after_forward=False))


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
    """

    def __init__(self, module: Any, sharded: list[torch.Tensor], held: list[torch.Tensor]) -> None:
        self._held = held
        self._module = module
        self._sharded = sharded
        module.train()

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float:
        """As `danlu.training.passes.Passes.accumulate_gradients`; gradients are summed over the sharding ranks."""
        total = 0.0
        last = len(batch.micro_batches) - 1
        for number, micro in enumerate(batch.micro_batches):
            self._module.set_requires_gradient_sync(number == last)
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
