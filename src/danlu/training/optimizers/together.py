"""Several optimizers that take their steps as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Together(torch.optim.Optimizer):
    """Optimizers of different parameters behind the face of one: their groups in a row, their states in one table.

    Args:
        parts: At least one.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.parts = list(parts)
        self.param_groups = [group for part in parts for group in part.param_groups]
        self._share()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Let the parts work on this optimizer's groups and state."""
        start = 0
        for part in self.parts:
            part.param_groups = self.param_groups[start : start + len(part.param_groups)]
            part.state = self.state
            start += len(part.param_groups)
