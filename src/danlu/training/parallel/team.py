"""Processes that something else has started, torchrun for one, on one machine or many.

The first of them runs the recipe; the others wait for its training stages and take part in each. All must see the same
workspace.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from danlu.errors import UserError
from danlu.training.config import TrainConfig

PATIENCE = timedelta(hours=24)
"""For the stages before a training."""
DISMISSED = "dismissed"


@dataclass
class Team:
    """All processes, and this one among them."""

    rank: int
    size: int
    local_rank: int
    attempt: int
    """How often torchrun has started them again."""
    store: Any
    """Torch's, which all of them reach."""
    num_jobs: int = 0

    @property
    def is_led_here(self) -> bool:
        return self.rank == 0

    def post(self, content: Mapping[str, Any]) -> int:
        """Let the others take part in a job; returns its number."""
        number = self.num_jobs
        self.num_jobs += 1
        self.store.set(f"danlu/{self.attempt}/{number}", json.dumps(content))
        return number

    def next_job(self) -> tuple[int, dict[str, Any]] | None:
        """Wait for the leader; None when there is nothing left to do."""
        number = self.num_jobs
        self.num_jobs += 1
        key = f"danlu/{self.attempt}/{number}"
        self.store.wait([key], PATIENCE)
        content: dict[str, Any] = json.loads(self.store.get(key))
        return None if content.get(DISMISSED) else (number, content)

    def dismiss(self) -> None:
        """Let the others go."""
        self.post({DISMISSED: True})


@cache
def team() -> Team | None:
    """The processes around this one, as torchrun's environment says; None if it was started by itself."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1 or "RANK" not in os.environ or "MASTER_ADDR" not in os.environ:
        return None
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(rendezvous("env://"))
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    return Team(rank, size, int(os.environ.get("LOCAL_RANK", "0")), attempt, store)


def laid_out(config: TrainConfig, size: int) -> TrainConfig:
    """The settings with as many copies of the model as a team of this size makes.

    Raises:
        UserError: the team cannot be divided as the settings say.
    """
    others = config.parallel.num_processes // config.parallel.data
    if size % others:
        raise UserError(
            f"{size} processes were started, and parallel divides the model over {others}.",
            f"Start a multiple of {others}.",
        )
    return config.model_copy(update={"parallel": config.parallel.model_copy(update={"data": size // others})})
