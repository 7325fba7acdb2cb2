"""Micro-batches through the model, forwards and backwards.

Weights that are trained are float32: the optimizer moves these, checkpoints and averages hold these. Passes in another
number format run over a copy of the model whose weights are rounded to it before each step (mixed precision training,
Micikevicius et al. 2017, arXiv:1710.03740); the gradients of its micro-batches are added up in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

from danlu.hardware.threads import Workers
from danlu.telemetry.allocator import release_memory
from danlu.training.batches import Batch, MicroBatch, MicroBatches
from danlu.training.dropout import draws_random_numbers
from danlu.training.objectives.objective import Objective
from danlu.training.optimizer import trained_parameters

Result = TypeVar("Result")


class Passes:
    """Losses and gradients of a model.

    Args:
        model: Holds the weights that are trained.
        objective: What is minimised.
        dtype: Of the passes; None for that of the weights.
        preparations: Done in order to the model that the passes run over, to compile it for one.
        pool: Takes micro-batches side by side.
    """

    def __init__(
        self,
        model: Any,
        objective: Objective,
        *,
        dtype: torch.dtype | None = None,
        preparations: Sequence[Callable[[Any], object]] = (),
        pool: Workers | None = None,
    ) -> None:
        self.trained = trained_parameters(model)
        self._objective = objective
        self._pool = pool
        self._is_copy = dtype is not None and any(parameter.dtype != dtype for parameter in self.trained)
        self._model = rounded_copy(model, dtype) if self._is_copy and dtype else model
        self._model.train()
        self._draws = draws_random_numbers(self._model)
        self._moved = trained_parameters(self._model)
        self._is_prepared = bool(preparations)
        self._known_shapes: set[tuple[bool, int]] = set()
        for prepare in preparations:
            prepare(self._model)

    @property
    def rank_seconds(self) -> Sequence[float]:
        """As `danlu.training.loop.AnyPasses`: there are no others."""
        return ()

    @property
    def whole_model(self) -> Any:
        """That the passes run over: the one that is trained, or the copy of it in another number format."""
        return self._model

    def alongside(self, work: Callable[[], Result]) -> Result:
        """Have something computed as a micro-batch is: by a worker on its own core, if there are workers."""
        if self._pool is None:
            return work()
        (result,) = self._pool.map(lambda _: work(), range(1))
        return result

    def parameters(self) -> Iterator[torch.Tensor]:
        """Of the model that the passes run over."""
        parameters: Iterator[torch.Tensor] = self._model.parameters()
        return parameters

    def one(self, micro: MicroBatch) -> None:
        """A forward and a backward pass, of which nothing is kept."""
        torch.autograd.grad(self._loss(micro), self._moved, materialize_grads=True)

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float:
        """Set the gradients of the trained weights to the batch's; returns the mean loss over its targets, nats.

        Gradients are added in the order of the micro-batches, whichever worker is done first, so that the sum has the
        same bits with any number of workers.

        Args:
            batch: Of one step.
            scale: The gradients are multiplied by this, beginning with that of the loss.
        """

        def one(micro: MicroBatch) -> tuple[float, tuple[torch.Tensor, ...]]:
            loss = self._loss(micro)
            gradients = torch.autograd.grad(loss * (scale / batch.num_targets), self._moved, materialize_grads=True)
            return float(loss.detach()), gradients

        self._refresh()
        total = 0.0
        for loss, gradients in self._each(one, batch.micro_batches):
            total += loss
            for parameter, gradient in zip(self.trained, gradients, strict=True):
                if parameter.grad is None:
                    parameter.grad = gradient.to(parameter.dtype)
                else:
                    parameter.grad.add_(gradient)
            del gradients, gradient  # while the next are waited for
        return total / batch.num_targets

    def mean_loss(self, micro_batches: MicroBatches) -> float:
        """Mean loss over all targets of some micro-batches, nats per token, without dropout and label smoothing."""
        total, num_targets = self.sum_loss(micro_batches)
        return total / num_targets

    def sum_loss(self, micro_batches: MicroBatches) -> tuple[float, int]:
        """The sum instead of the mean, and how many targets there are."""

        def one(micro: MicroBatch) -> tuple[float, int]:
            with torch.no_grad():
                return float(self._objective(self._model, micro)), micro.num_targets

        self._refresh()
        self._model.eval()
        sums = list(self._each(one, micro_batches))
        self._model.train()
        return sum(loss for loss, _ in sums), sum(num_targets for _, num_targets in sums)

    def _loss(self, micro: MicroBatch) -> torch.Tensor:
        """What is drawn in the pass depends on the micro-batch alone, and not on which passes went before."""
        if self._draws:
            torch.manual_seed(micro.seed)
        return self._objective(self._model, micro)

    def _refresh(self) -> None:
        """Bring the copy up to date; the weights may have been moved, or exchanged for others."""
        if self._is_copy:
            with torch.no_grad():
                torch._foreach_copy_(self._moved, self.trained)

    def _each(self, one: Callable[[MicroBatch], Result], micro_batches: MicroBatches) -> Iterator[Result]:
        """Results in order. The first micro-batch of a new shape goes alone: what is compiled for it is so once."""

        def at(index: int) -> Result:
            return one(micro_batches[index])

        indices = range(len(micro_batches))
        if self._pool is None:
            yield from map(at, indices)
            return
        shape = (self._model.training, micro_batches[0].input_ids.shape[1])
        if shape not in self._known_shapes:
            self._known_shapes.add(shape)
            yield from self._pool.map(at, indices[:1])
            indices = indices[1:]
            if self._is_prepared:
                release_memory()  # of the compiler
        yield from self._pool.map(at, indices)


def rounded_copy(model: Any, dtype: torch.dtype) -> Any:
    """A copy of `model` with parameters of another dtype; its buffers stay as they are."""
    rounded = {
        id(parameter): torch.nn.Parameter(parameter.detach().to(dtype), requires_grad=parameter.requires_grad)
        for parameter in model.parameters()
    }
    return copy.deepcopy(model, rounded)
