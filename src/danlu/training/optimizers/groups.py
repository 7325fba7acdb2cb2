"""Which parameters are trained how fast and decayed how much, told by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch

from danlu.errors import UserError, did_you_mean
from danlu.training.optimizers.settings import MuonSettings, OptimizerBase, OptimizerSettings

BLOCK_NUMBER = re.compile(r"\.(\d+)\.")
"""The first number in ``model.layers.3.mlp.experts.5.up_proj.weight`` is that of the block."""
MATRICES, UNDECAYED_EMBEDDINGS, VECTORS = range(3)


@dataclass(frozen=True)
class Outline:
    """Where a model's parameters stand."""

    embeddings: frozenset[str]
    """Names of the parameters that turn tokens and positions into vectors, be they tied to the head or not."""
    head: frozenset[str]
    """Names of the parameters that turn vectors into logits, if they are not tied."""
    num_blocks: int

    @classmethod
    def of(cls, model: Any) -> Outline:
        """The outline of a transformers model that predicts tokens or classes, whether PEFT is around it or not."""
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        embeddings = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
        embedded = frozenset(names[id(parameter)] for module in embeddings for parameter in module.parameters())
        output = model.get_output_embeddings() or model.classifier
        head = frozenset(names[id(parameter)] for parameter in output.parameters())
        blocks = [int(found.group(1)) for name in names.values() if (found := BLOCK_NUMBER.search(name))]
        return cls(embeddings=embedded, head=head - embedded, num_blocks=max(blocks, default=-1) + 1)

    def depth(self, name: str) -> int:
        """0 for embeddings, then the blocks from 1, then `num_blocks` + 1 for the last norm and the head."""
        if name in self.embeddings:
            return 0
        found = BLOCK_NUMBER.search(name)
        return int(found.group(1)) + 1 if found else self.num_blocks + 1


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are trained alike."""

    optimizer: str
    """Which one moves them, by its ``kind``."""
    name: str
    """What the group holds, for people."""
    parameters: dict[str, torch.Tensor]
    learning_rate: float
    """The highest."""
    weight_decay: float

    def as_torch(self, number: int) -> dict[str, Any]:
        """As torch's optimizers take it. The schedule works on ``highest_lr``; `number` is that among all groups."""
        return {
            "number": number,
            "params": list(self.parameters.values()),
            "lr": self.learning_rate,
            "highest_lr": self.learning_rate,
            "weight_decay": self.weight_decay,
        }


def trained_by_name(model: Any) -> dict[str, torch.Tensor]:
    """The parameters that receive gradients, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def parameter_groups(model: Any, settings: OptimizerSettings) -> list[ParameterGroup]:
    """The trainable parameters, put together where they share optimizer, learning rate and weight decay.

    Matrices come first, then embeddings where they are told apart, then vectors (biases, norms), which are not
    decayed unless a pattern says so.
    """
    outline, parameters = Outline.of(model), trained_by_name(model)
    if not isinstance(settings, MuonSettings):
        return _grouped(parameters, outline, settings, settings.kind, settings.learning_rate)
    outer = outline.embeddings | outline.head
    hidden = {name: tensor for name, tensor in parameters.items() if tensor.ndim == 2 and name not in outer}
    others = {name: tensor for name, tensor in parameters.items() if name not in hidden}
    return [
        *_grouped(hidden, outline, settings, "muon", settings.learning_rate),
        *_grouped(others, outline, settings, "adamw", settings.adamw_learning_rate),
    ]


def _grouped(
    parameters: dict[str, torch.Tensor],
    outline: Outline,
    settings: OptimizerBase,
    optimizer: str,
    learning_rate: float,
) -> list[ParameterGroup]:
    found: dict[tuple[int, int, int], dict[str, torch.Tensor]] = {}
    for name, parameter in parameters.items():
        matching = (place for place, group in enumerate(settings.groups) if fnmatchcase(name, group.pattern))
        is_undecayed_embedding = name in outline.embeddings and not settings.decay_embeddings
        sort = VECTORS if parameter.ndim < 2 else UNDECAYED_EMBEDDINGS if is_undecayed_embedding else MATRICES
        below_top = outline.num_blocks + 1 - outline.depth(name) if settings.layer_decay < 1 else 0
        found.setdefault((next(matching, len(settings.groups)), sort, below_top), {})[name] = parameter

    def group(place: int, sort: int, below_top: int, members: dict[str, torch.Tensor]) -> ParameterGroup:
        name = ("matrices", "embeddings", "vectors")[sort]
        factor = settings.layer_decay**below_top
        decay = settings.weight_decay if sort == MATRICES else 0.0
        if place < len(settings.groups):
            chosen = settings.groups[place]
            name = f"{name} of {chosen.pattern!r}"
            factor *= chosen.learning_rate_factor
            decay = decay if chosen.weight_decay is None else chosen.weight_decay
        return ParameterGroup(optimizer, name, members, learning_rate * factor, decay)

    return [group(*key, found[key]) for key in sorted(found)]


def check_group_patterns(model: Any, settings: OptimizerBase) -> None:
    """See that the pattern of each of `settings.groups` matches a trainable parameter of the whole `model`.

    Raises:
        UserError: one matches nothing.
    """
    check_patterns([group.pattern for group in settings.groups], trained_by_name(model), "optimizer.groups")


def check_patterns(patterns: Iterable[str], names: Iterable[str], setting: str) -> None:
    """See that each pattern matches a name.

    Raises:
        UserError: one matches nothing.
    """
    known = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            parts = {part for name in known for part in name.split(".") if not part.isdecimal()}
            words = re.findall(r"\w*[A-Za-z]\w*", pattern)
            strange = next((word for word in words if not any(word in part for part in parts)), pattern)
            raise UserError(
                f"The pattern {pattern!r} in {setting} matches none of the {len(known)} trainable parameters.",
                f"{did_you_mean(strange, sorted(parts))} A whole name is, for example, {known[len(known) // 2]!r}.",
            )


def group_notes(groups: Iterable[ParameterGroup]) -> list[str]:
    """What the groups hold. Those that layer-wise decay alone tells apart share a line."""
    lines: dict[tuple[str, str, float], list[ParameterGroup]] = {}
    for group in groups:
        lines.setdefault((group.optimizer, group.name, group.weight_decay), []).append(group)
    return [_note(members) for members in lines.values()]


def _note(members: list[ParameterGroup]) -> str:
    tensors = [tensor for group in members for tensor in group.parameters.values()]
    rates = sorted({group.learning_rate for group in members})
    rate = " to ".join(f"{rate:.3g}" for rate in dict.fromkeys((rates[0], rates[-1])))
    return (
        f"{members[0].optimizer} on {members[0].name}: {sum(tensor.numel() for tensor in tensors):,} parameters in"
        f" {len(tensors)} tensors, learning rate {rate}, weight decay {members[0].weight_decay:g}"
    )
