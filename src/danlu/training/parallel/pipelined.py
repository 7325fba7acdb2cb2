"""A model whose layers lie on several ranks: micro-batches go through them one behind the other, on torch's schedules
(one forward, one backward; Narayanan et al. 2021, arXiv:2104.04473)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleInterleaved1F1B

from danlu.models.compiling import layout_arguments
from danlu.models.parallel.group import Group
from danlu.models.parallel.stages import piece_of
from danlu.training.batches import Batch, MicroBatch
from danlu.training.dropout import draws_random_numbers
from danlu.training.objectives.objective import LossOfHidden


class Piece(torch.nn.Module):
    """Some layers, called with the number of a micro-batch and, but for the first piece, what the one before made.

    Returns hidden states (1, tokens, hidden); the last piece the sum of the losses, (1,).
    """

    def __init__(self, model: Any, piece: int, num_pieces: int, loss: LossOfHidden) -> None:
        super().__init__()
        self.layers = piece_of(model, piece, num_pieces)
        self.is_first, self.is_last = piece == 0, piece == num_pieces - 1
        self.head = model.get_output_embeddings() if self.is_last else None
        self.micro_batches: Sequence[MicroBatch] = ()
        self._model = [model]  # not a part of this module
        self._loss = loss
        self._draws = draws_random_numbers(model)
        self._number = piece

    def forward(self, hidden_states: torch.Tensor, *, number: torch.Tensor) -> torch.Tensor:
        (model,) = self._model
        micro = self.micro_batches[int(number)]
        if self._draws:
            torch.manual_seed(micro.seed + self._number)  # pieces draw different numbers
        layout = layout_arguments(model, micro.documents, micro.targets.device)
        seen = {"input_ids": micro.input_ids} if self.is_first else {"inputs_embeds": hidden_states}
        output: torch.Tensor = self.layers(
            **seen, position_ids=micro.position_ids, use_cache=False, **layout
        ).last_hidden_state
        return self._loss(model, output, micro)[None] if self.is_last else output


class PipelinedPasses:
    """Losses and gradients of a model in pieces.

    Micro-batches must have one length, and be as many as a multiple of the pipeline's ranks.

    Args:
        model: What the pieces are of.
        pieces: Of this rank, by their numbers.
        num_pieces: Of all ranks.
        ranks: Of the pipeline, in order.
        tokens_divided_by: Over so many ranks a micro-batch's tokens lie between two pieces.
        dtype: Of the hidden states between two pieces.
        before: Called before the passes of a step.
        after: Called after them.
    """

    def __init__(
        self,
        model: Any,
        pieces: dict[int, Piece],
        num_pieces: int,
        ranks: Group,
        *,
        tokens_divided_by: int,
        dtype: torch.dtype,
        before: Callable[[], None],
        after: Callable[[], None],
    ) -> None:
        self._model = model
        self._pieces = pieces
        self._num_pieces = num_pieces
        self._ranks = ranks
        self._hidden_size = int(model.config.get_text_config().hidden_size)
        self._tokens_divided_by = tokens_divided_by
        self._dtype = dtype
        self._before = before
        self._after = after
        self._schedules: dict[tuple[int, int], Any] = {}
        self._factor = 1.0
        self._train(True)

    def accumulate_gradients(self, batch: Batch, scale: float = 1.0) -> float:
        """As `danlu.training.passes.Passes.accumulate_gradients`, of this rank's pieces; the loss is known to the last
        piece's rank, 0 elsewhere."""
        self._factor = scale / batch.num_targets
        schedule, numbers = self._ready(batch.micro_batches)
        losses: list[torch.Tensor] = []
        first = (numbers,) if 0 in self._pieces else ()
        schedule.step(*first, number=numbers, target=numbers, losses=losses, return_outputs=False)
        self._put_down()
        self._after()
        return sum(float(loss.detach()) for loss in losses) / scale

    def sum_loss(self, micro_batches: Sequence[MicroBatch]) -> tuple[float, int]:
        """As `danlu.training.passes.Passes.sum_loss`; the loss is known to the last piece's rank, 0 elsewhere."""
        self._train(False)
        self._factor = 1.0
        schedule, numbers = self._ready(micro_batches)
        losses: list[torch.Tensor] = []
        first = (numbers,) if 0 in self._pieces else ()
        schedule.eval(*first, number=numbers, target=numbers, losses=losses)
        self._train(True)
        self._put_down()
        return sum(float(loss) for loss in losses), sum(micro.num_targets for micro in micro_batches)

    def _train(self, mode: bool) -> None:
        for module in (self._model, *self._pieces.values()):
            module.train(mode)

    def _ready(self, micro_batches: Sequence[MicroBatch]) -> tuple[Any, torch.Tensor]:
        """Hand the micro-batches to the pieces; the schedule, and the numbers of the micro-batches."""
        self._before()
        for piece in self._pieces.values():
            piece.micro_batches = micro_batches
        return self._schedule(len(micro_batches), micro_batches[0].input_ids.shape[1]), torch.arange(len(micro_batches))

    def _put_down(self) -> None:
        for piece in self._pieces.values():
            piece.micro_batches = ()

    def _schedule(self, count: int, length: int) -> Any:
        if (count, length) not in self._schedules:
            shape = (1, length // self._tokens_divided_by, self._hidden_size)
            stages = [self._stage(number, piece, shape) for number, piece in self._pieces.items()]
            loss = self._scaled_loss
            self._schedules[count, length] = (
                Schedule1F1B(stages[0], count, loss_fn=loss, scale_grads=False)
                if len(stages) == 1
                else ScheduleInterleaved1F1B(stages, count, loss_fn=loss, scale_grads=False)  # type: ignore[arg-type]
            )
        return self._schedules[count, length]

    def _stage(self, number: int, piece: Piece, shape: tuple[int, ...]) -> PipelineStage:
        device = next(piece.parameters()).device
        hidden = torch.empty(shape, dtype=self._dtype, device=device, requires_grad=True)
        numbers = torch.zeros(1, dtype=torch.int64, device=device)
        loss = torch.zeros(1, device=device, requires_grad=True)
        return PipelineStage(
            piece,
            number,
            self._num_pieces,
            device,
            input_args=(numbers if piece.is_first else hidden,),
            output_args=(loss if piece.is_last else hidden,),
            group=self._ranks.process_group,
        )

    def _scaled_loss(self, loss: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        return loss.sum() * self._factor
