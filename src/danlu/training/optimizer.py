"""From settings to an optimizer: torch's own, a library's where torch has none, and ours for a faster Muon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.training.held import Held
from danlu.training.optimizers.groups import parameter_groups, trained_by_name
from danlu.training.optimizers.muon import Dividing, Muon
from danlu.training.optimizers.settings import (
    AdafactorSettings,
    AdamBase,
    AdamW8bitSettings,
    LambSettings,
    LionSettings,
    MuonSettings,
    OptimizerSettings,
    RMSpropSettings,
    ScheduleFreeAdamWSettings,
    SGDSettings,
)
from danlu.training.optimizers.together import Together

Groups = list[dict[str, Any]]
"""As torch's optimizers take them: parameters with their learning rate and weight decay."""


def trained_parameters(model: Any) -> list[torch.Tensor]:
    """The parameters that receive gradients, in the model's order."""
    return list(trained_by_name(model).values())


def make_optimizer(model: Any, settings: OptimizerSettings, held: Held | None = None) -> torch.optim.Optimizer:
    """An optimizer over the trainable parameters, each group with ``highest_lr``, which the schedule works on.

    Args:
        model: The whole model; it need not have weights.
        settings: Which optimizer.
        held: What it moves, by the parameters' names; the model's own parameters if not given.

    Raises:
        UserError: its library is not installed, or this machine cannot run it.
    """
    moved = held.tensors if held else trained_by_name(model)
    makers: dict[str, Callable[[Groups, Any], torch.optim.Optimizer]] = {
        **MAKERS,
        "muon": partial(_muon, ranks=held.dividing if held else None),
    }
    groups = [
        replace(group, parameters={name: moved[name] for name in group.parameters if name in moved})
        for group in parameter_groups(model, settings)
    ]
    there = {number: group for number, group in enumerate(groups) if group.parameters}
    parts = [
        makers[kind]([group.as_torch(number) for number, group in there.items() if group.optimizer == kind], settings)
        for kind in dict.fromkeys(group.optimizer for group in there.values())
    ]
    return parts[0] if len(parts) == 1 else Together(parts)


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Size of what the optimizer remembers between steps, once it has made one."""
    return sum(
        value.nbytes
        for values in optimizer.state.values()
        for value in values.values()
        if isinstance(value, torch.Tensor)
    )


def _sgd(groups: Groups, settings: SGDSettings) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=settings.nesterov, fused=True)


def _rmsprop(groups: Groups, settings: RMSpropSettings) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(
        groups,
        alpha=settings.smoothing,
        eps=settings.epsilon,
        momentum=settings.momentum,
        centered=settings.centered,
        foreach=True,
    )


def _adam(groups: Groups, settings: AdamBase) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, fused=True)


def _adamw(groups: Groups, settings: AdamBase) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, fused=True)


def _adamw_8bit(groups: Groups, settings: AdamW8bitSettings) -> torch.optim.Optimizer:
    if default_device() != "cuda":
        raise UserError(
            "The optimizer adamw_8bit needs a CUDA device; this machine has none.",
            "Set optimizer.kind: lion (half of AdamW's state) or adafactor (almost none).",
        )
    with _library("optimizers-8bit"):
        from bitsandbytes.optim import AdamW8bit
    optimizer: torch.optim.Optimizer = AdamW8bit(groups, betas=(settings.beta1, settings.beta2), eps=settings.epsilon)
    return optimizer


def _adafactor(groups: Groups, settings: AdafactorSettings) -> torch.optim.Optimizer:
    return torch.optim.Adafactor(
        groups,
        beta2_decay=settings.beta2_decay,
        eps=(None, settings.smallest_scale),
        d=settings.clipping_threshold,
        foreach=True,
    )


def _lamb(groups: Groups, settings: LambSettings) -> torch.optim.Optimizer:
    with _library("optimizers"):
        from pytorch_optimizer import Lamb
    return Lamb(
        groups,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        weight_decouple=False,  # else the decay would be left out of the step whose norm the paper takes
        adam_debias=True,  # else the first steps would be 1 / (1 - beta1) times as long as the paper's
        foreach=True,
    )


def _lion(groups: Groups, settings: LionSettings) -> torch.optim.Optimizer:
    with _library("optimizers"):
        from pytorch_optimizer import Lion
    return Lion(groups, betas=(settings.beta1, settings.beta2), foreach=True)


def _muon(groups: Groups, settings: MuonSettings, ranks: Dividing | None = None) -> torch.optim.Optimizer:
    return Muon(
        groups,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        num_iterations=settings.newton_schulz_steps,
        scaling=settings.scaling,
        ranks=ranks,
    )


def _schedule_free_adamw(groups: Groups, settings: ScheduleFreeAdamWSettings) -> torch.optim.Optimizer:
    with _library("optimizers"):
        from schedulefree import AdamWScheduleFree
    optimizer: Any = AdamWScheduleFree(
        groups, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, r=settings.averaging_power
    )
    optimizer.train()
    made: torch.optim.Optimizer = optimizer
    return made


MAKERS: dict[str, Callable[[Groups, Any], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
    "adamw_8bit": _adamw_8bit,
    "adafactor": _adafactor,
    "lamb": _lamb,
    "lion": _lion,
    "muon": _muon,
    "schedule_free_adamw": _schedule_free_adamw,
}


@contextmanager
def _library(extra: str) -> Iterator[None]:
    """An import of something that only `extra` installs."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"The optimizer needs {error.name}, which is not installed.",
            f"Install it with: pip install 'danlu[{extra}]'",
        ) from error
