"""Checkpoints that are whole or are not used.

A checkpoint is written into a directory aside, synced, renamed to ``step-<n>``, and only then marked with
``complete.json``, which holds the SHA-256 of each file. Reading takes the newest one whose marker is there and whose
hashes agree; what is broken is said and passed over. In it: the trained weights, the states of the optimizer and of
its companions, the random state, and the step, of which the position in the data is a function.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file

from danlu.artifacts.store import hash_file, sync_directory, sync_tree
from danlu.telemetry.reporter import Reporter

MARKER = "complete.json"


State = dict[str, torch.Tensor | float]
"""By name: tensors, and numbers that are kept as JSON."""


class Stateful(Protocol):
    """Something whose state belongs into a checkpoint."""

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: State) -> None: ...


class Checkpoints:
    """The checkpoints of one training stage.

    Args:
        directory: Where they are kept.
        every_seconds: Shortest time between two.
        keep: How many of the newest stay.
        fingerprint: Of the data; a checkpoint that belongs to other data is not used.
        reporter: Told about broken checkpoints.
        companions: What else has a state, by name.
    """

    def __init__(
        self,
        directory: Path,
        *,
        every_seconds: float,
        keep: int,
        fingerprint: str,
        reporter: Reporter,
        companions: Mapping[str, Stateful] | None = None,
    ) -> None:
        self.directory = directory
        self.every_seconds = every_seconds
        self.keep = keep
        self.fingerprint = fingerprint
        self.reporter = reporter
        self.companions = companions or {}
        self._last_saved = time.monotonic()

    def due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return time.monotonic() - self._last_saved >= self.every_seconds

    def save(self, step: int, model: Any, optimizer: torch.optim.Optimizer) -> None:
        """Write the state after `step` optimizer steps."""
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / f".partial-step-{step}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        trained = {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}
        save_file(trained, partial / "weights.safetensors")
        states: dict[str, State] = {
            "optimizer": _optimizer_state(optimizer),
            **{name: companion.state_dict() for name, companion in self.companions.items()},
        }
        for name, values in states.items():
            save_file(_tensors_apart(values), partial / f"{name}.safetensors")
        state = {
            "step": step,
            "fingerprint": self.fingerprint,
            "random_state": _random_state(),
            "numbers": {
                name: {key: value for key, value in values.items() if not isinstance(value, torch.Tensor)}
                for name, values in states.items()
            },
        }
        (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
        hashes = {path.name: hash_file(path) for path in sorted(partial.iterdir())}
        sync_tree(partial)
        final = self.directory / f"step-{step}"
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        sync_directory(self.directory)
        _write_synced(final / MARKER, json.dumps(hashes))
        self._last_saved = time.monotonic()
        for old in self._existing()[self.keep :]:
            shutil.rmtree(self.directory / f"step-{old}")

    def restore(self, model: Any, optimizer: torch.optim.Optimizer) -> int:
        """Bring back the newest valid checkpoint; returns the number of steps it had made, 0 if there is none."""
        for step in self._existing():
            path = self.directory / f"step-{step}"
            problem = self._problem(path)
            if problem:
                self.reporter.warn(f"Checkpoint {path.name} is passed over: {problem}.")
                continue
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            weights = load_file(path / "weights.safetensors")
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if parameter.requires_grad:
                        parameter.copy_(weights[name])
            states = {
                name: {**load_file(path / f"{name}.safetensors"), **numbers}
                for name, numbers in state["numbers"].items()
            }
            _load_optimizer_state(optimizer, states["optimizer"])
            for name, companion in self.companions.items():
                companion.load_state_dict(states[name])
            _restore_random_state(state["random_state"])
            return step
        return 0

    def remove(self) -> None:
        """Take them all away, once the stage's artifact is whole without them."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _existing(self) -> list[int]:
        """Steps with a checkpoint directory, whole or not, newest first."""
        names = [path.name for path in self.directory.glob("step-*")] if self.directory.is_dir() else []
        matches = [re.fullmatch(r"step-(\d+)", name) for name in names]
        return sorted((int(match.group(1)) for match in matches if match), reverse=True)

    def _problem(self, path: Path) -> str | None:
        """Why the checkpoint cannot be used, or None."""
        try:
            hashes = json.loads((path / MARKER).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "it was not completed"
        for name, sha256 in hashes.items():
            if not (path / name).is_file() or hash_file(path / name) != sha256:
                return f"{name} is damaged"
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        if state["fingerprint"] != self.fingerprint:
            return "it belongs to other data or settings"
        return None


def _write_synced(path: Path, text: str) -> None:
    """Write a small file aside, sync it and rename it into place."""
    aside = path.with_suffix(".partial")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_directory(path.parent)


def _optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """``state.<parameter number>.<name>`` for each parameter, ``group.<group number>.<name>`` for numbers of groups."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    found: State = {
        f"state.{number}.{name}": value
        for number, parameter in enumerate(parameters)
        # Not from state_dict(), in which bitsandbytes packs what is quantised together.
        for name, value in optimizer.state.get(parameter, {}).items()
    }
    for number, group in enumerate(optimizer.param_groups):
        found |= {f"group.{number}.{name}": value for name, value in group.items() if isinstance(value, int | float)}
    return found


def _load_optimizer_state(optimizer: torch.optim.Optimizer, values: State) -> None:
    state: dict[int, dict[str, Any]] = {}
    groups = optimizer.state_dict()["param_groups"]
    for key, value in values.items():
        part, number, name = key.split(".", 2)
        (state.setdefault(int(number), {}) if part == "state" else groups[int(number)])[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _tensors_apart(values: State) -> dict[str, torch.Tensor]:
    """The tensors among `values`; those that share memory with others, which safetensors does not store, as copies."""
    tensors = {name: value.contiguous() for name, value in values.items() if isinstance(value, torch.Tensor)}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes:
            tensors[name] = tensor.clone()
        seen.add(storage.data_ptr())
    return tensors


def _random_state() -> dict[str, str]:
    """State of torch's generators (the only ones the loop draws from), as text."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in states.items()}


def _restore_random_state(states: dict[str, str]) -> None:
    decoded = {
        name: torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8) for name, text in states.items()
    }
    torch.set_rng_state(decoded["cpu"])
    if torch.cuda.is_available() and "cuda" in decoded:
        torch.cuda.set_rng_state(decoded["cuda"])
