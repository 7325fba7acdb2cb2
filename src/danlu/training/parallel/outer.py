"""The optimizer of the weights that copies which train apart have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from danlu.training.checkpoint_state import State
from danlu.training.parallel.settings import ApartSettings


class Outer:
    """SGD with Nesterov's momentum along what copies have learnt (DiLoCo, Douillard et al. 2023, arXiv:2311.08105).

    What comes in one after another moves the weights at once, and the momentum when each share of a round is there
    (delayed Nesterov, Liu et al. 2024, arXiv:2401.09135): momentum that each share moved would be of many rates.
    All shares of a round at once, or one after another, come to the same.

    Args:
        settings: Rate and momentum.
        trained: The weights, by name, as they are at the beginning.
    """

    def __init__(self, settings: ApartSettings, trained: Mapping[str, torch.Tensor]) -> None:
        self.settings = settings
        self.weights = [tensor.detach().clone() for tensor in trained.values()]
        """What the copies have in common, in order."""
        self._names = list(trained)
        self._momenta = [torch.zeros_like(tensor) for tensor in self.weights]
        self._round: list[torch.Tensor] = []

    @torch.no_grad()
    def take(self, ways: list[torch.Tensor], share: float) -> None:
        """Move the weights.

        Args:
            ways: From where a copy came to where it began: common weights minus its own. Not to be used afterwards.
            share: Of a round that this is; 1 for the mean over all copies.
        """
        torch._foreach_add_(self.weights, ways, alpha=-share * self.settings.outer_learning_rate)
        if self._round:
            torch._foreach_add_(self._round, ways, alpha=share)
        else:
            torch._foreach_mul_(ways, share)
            self._round = ways

    @torch.no_grad()
    def end_round(self) -> None:
        """Move the momentum, and the weights along it: all shares have come."""
        rate, momentum = self.settings.outer_learning_rate, self.settings.outer_momentum
        torch._foreach_mul_(self._momenta, momentum)
        torch._foreach_add_(self._momenta, self._round)
        torch._foreach_add_(self.weights, self._momenta, alpha=-rate * momentum)
        self._round = []

    def state_dict(self) -> State:
        """Between two rounds."""
        return dict(zip(self._names, self._momenta, strict=True))

    @torch.no_grad()
    def load_state_dict(self, state: State) -> None:
        torch._foreach_copy_(self._momenta, [torch.as_tensor(state[name]) for name in self._names])

    @torch.no_grad()
    def begin_at(self, trained: Sequence[torch.Tensor]) -> None:
        """Have the weights be these."""
        torch._foreach_copy_(self.weights, list(trained))
