"""Copies of a model that train apart and meet now and then (see `ApartSettings`)."""

from __future__ import annotations

import torch

from danlu.training.checkpoint_state import State
from danlu.training.held import Held, sum_together
from danlu.training.loop import StepReport
from danlu.training.parallel.settings import ApartSettings


class Meetings:
    """Observer that brings the copies together; has a state for checkpoints, which are taken where they have met.

    Args:
        settings: When, and the outer optimizer.
        held: What each copy trains; equal at the beginning.
        last_step: After which they meet, too.
    """

    def __init__(self, settings: ApartSettings, held: Held, last_step: int) -> None:
        self.settings = settings
        self.num_bytes = 0
        """That a rank has sent in meetings, as if each sent its weights once."""
        self._held = held
        self._last_step = last_step
        self._anchors = [tensor.detach().clone() for tensor in held.trained]
        self._momenta = [torch.zeros_like(tensor) for tensor in self._anchors]

    def is_one_after(self, step: int) -> bool:
        """Whether the copies meet after this step."""
        return step % self.settings.every_steps == 0 or step == self._last_step

    @torch.no_grad()
    def after_step(self, report: StepReport) -> None:
        if not self.is_one_after(report.step):
            return
        trained, world = self._held.trained, self._held.world
        ways = torch._foreach_sub(self._anchors, trained)
        sum_together(ways, world.everyone)
        torch._foreach_div_(ways, float(world.size))
        self.num_bytes += sum(way.nbytes for way in ways)
        momentum, rate = self.settings.outer_momentum, self.settings.outer_learning_rate
        torch._foreach_mul_(self._momenta, momentum)
        torch._foreach_add_(self._momenta, ways)
        torch._foreach_add_(ways, self._momenta, alpha=momentum)  # Nesterov
        torch._foreach_add_(self._anchors, ways, alpha=-rate)
        torch._foreach_copy_(trained, self._anchors)

    def state_dict(self) -> State:
        return dict(zip(self._held.tensors, self._momenta, strict=True))

    def load_state_dict(self, state: State) -> None:
        """Where the copies have met: the anchors are the weights."""
        with torch.no_grad():
            torch._foreach_copy_(self._anchors, self._held.trained)
            torch._foreach_copy_(self._momenta, [torch.as_tensor(state[name]) for name in self._held.tensors])
