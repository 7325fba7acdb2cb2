"""What stands in a checkpoint by which name: tensors of what a rank holds, and numbers.

A weight has the parameter's name, a state of the optimizer ``<parameter>/<name>``, a tensor of a companion
``<companion>/<parameter>``.
"""

from __future__ import annotations

import json
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from danlu.training.checkpoint_pieces import Box, Pieces
from danlu.training.held import Held

NUMBERS = "numbers-{rank}.json"
"""A file with what a rank keeps as JSON."""

State = dict[str, torch.Tensor | float]
"""By name: tensors, and numbers that are kept as JSON."""


def optimizer_state(optimizer: torch.optim.Optimizer, held: Held) -> State:
    """Of each parameter that this rank holds; ``group.<group number>.<name>`` for numbers of groups.

    In the order of names: a checkpoint after one that was gone on from has the same bytes as without the stop."""
    found: State = {
        f"{name}/{state}": value
        for name, parameter in held.tensors.items()
        # Not from state_dict(), in which bitsandbytes packs what is quantised together.
        for state, value in sorted(optimizer.state.get(parameter, {}).items(), key=itemgetter(0))
    }
    for group in optimizer.param_groups:
        numbers = {name: value for name, value in group.items() if isinstance(value, int | float)}
        found |= {f"group.{group['number']}.{name}": value for name, value in numbers.items()}
    return found


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, held: Held, pieces: Pieces, numbers: dict[str, float]
) -> None:
    """Of what this rank holds."""
    moved = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    places = {id(parameter): place for place, parameter in enumerate(moved)}
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in held.tensors.items():
        prefix = f"{name}/"
        found: dict[str, Any] = {
            key.removeprefix(prefix): _read_like(pieces, key, held, name) for key in pieces.names(prefix)
        }
        found |= {key.removeprefix(prefix): value for key, value in numbers.items() if key.startswith(prefix)}
        if found:
            state[places[id(tensor)]] = found
    groups = optimizer.state_dict()["param_groups"]
    for group in groups:
        prefix = f"group.{group['number']}."
        group |= {key.removeprefix(prefix): value for key, value in numbers.items() if key.startswith(prefix)}
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def companion_state(companion: str, held: Held, pieces: Pieces, numbers: dict[str, float]) -> State:
    """Of one companion, as it gave it."""
    state: State = {
        name: _read_like(pieces, key, held, name)
        for name in held.tensors
        for key in pieces.names(f"{companion}/{name}")
        if key == f"{companion}/{name}"
    }
    return state | {
        key.removeprefix(f"{companion}/"): value for key, value in numbers.items() if key.startswith(f"{companion}/")
    }


def prefixed(companion: str, state: State) -> State:
    """A companion's state by the names it has in a checkpoint."""
    return {f"{companion}/{name}": value for name, value in state.items()}


def parameter_of(key: str, held: Held) -> str:
    """The trained parameter that a tensor of a checkpoint belongs to."""
    first, _, second = key.partition("/")
    return first if first in held.tensors else second


def box_of(held: Held, name: str, tensor: torch.Tensor) -> Box:
    """Where a tensor lies that is like a parameter."""
    return Box(held.pieces[name].offsets, tuple(tensor.shape))


def _read_like(pieces: Pieces, key: str, held: Held, name: str) -> torch.Tensor:
    """What belongs to a parameter: the same box if it has the parameter's shape, else all of it."""
    is_alike = pieces.shape(key) == held.pieces[name].shape
    return pieces.read(key, box_of(held, name, held.tensors[name]) if is_alike else None)


def read_numbers(path: Path, only: int | None = None) -> dict[str, float]:
    """What the ranks kept as JSON, or only one of them; else, the same number of several is the same."""
    numbers: dict[str, float] = {}
    for file in sorted(path.glob(NUMBERS.format(rank="*" if only is None else only))):
        numbers |= json.loads(file.read_text(encoding="utf-8"))
    return numbers
