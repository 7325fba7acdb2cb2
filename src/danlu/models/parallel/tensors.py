"""Weights of each layer divided over ranks (Shoeybi et al. 2019, arXiv:1909.08053), and between layers the tokens
(Korthikanti et al. 2022, arXiv:2205.05198).

Which weights, is said by transformers' plan for the model's type. Every rank works on some of the heads and some of the
inner units of all tokens; what comes before and after, norms and residuals, it works on for its part of the tokens
alone. Embedding and head are divided by the vocabulary. What is not divided is held whole by every rank, each of which
finds only a part of its gradient: they have to be added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from danlu.errors import UserError
from danlu.models.parallel.context import divided
from danlu.models.parallel.group import Group
from danlu.models.parallel.sequence import gather_sequence, scatter_sequence

DIVIDED_DIMENSION = {"colwise": 0, "rowwise": 1}
"""Of a linear layer's weight (out, in), by what transformers' plans call it. A bias is divided with the outputs."""
HELD_WHOLE = {"replicated_with_grad_allreduce"}


@dataclass(frozen=True)
class Part:
    """What a rank holds of a parameter."""

    dimension: int
    start: int
    size: int
    """Of the whole parameter along that dimension."""
    along: str = "tensor"
    """The dimension of the ranks among which it is divided."""


def divide_tensors(model: Any, group: Group) -> dict[str, Part]:
    """Leave of `model` what this rank works on; changes it in place.

    Args:
        model: A transformers causal language model with all its weights.
        group: The ranks that divide it.

    Returns:
        By the parameter's name in `model`, what is left of it; what is held whole is not named.

    Raises:
        UserError: transformers has no plan for its type, or one that asks for more, or the ranks are too many.
    """
    base = model.base_model
    plan = _plan(model, base)
    parts: dict[str, Part] = {}
    prefix = f"{model.base_model_prefix}."
    parents = set()
    for name, style in _matching(plan, base):
        if style in HELD_WHOLE:
            continue
        for parameter_name, part in _divide_linear(base.get_submodule(name), DIVIDED_DIMENSION[style], group):
            parts[f"{prefix}{name}.{parameter_name}"] = part
        parents.add(name.rpartition(".")[0])
    for name in parents:
        _work_on_all_tokens(base.get_submodule(name), group)
    parts |= _divide_vocabulary(model, base, group)
    base.register_forward_hook(_GatherOutput(group))
    return parts


def check_tensor_plan(config: Any, size: int) -> None:
    """See that models of this transformers config can be divided by so many ranks.

    Raises:
        UserError: they cannot.
    """
    text = config.get_text_config()
    plan = getattr(text, "base_model_tp_plan", None) or {}
    strange = sorted(set(plan.values()) - set(DIVIDED_DIMENSION) - HELD_WHOLE)
    if not plan or strange:
        why = f"its plan asks for {', '.join(strange)}" if strange else "transformers has no plan for it"
        raise UserError(
            f"parallel.tensor: {size} cannot divide a model of type {config.model_type!r}: {why}.",
            "Divide it by parallel.shard or parallel.pipeline instead.",
        )
    for what in ("num_key_value_heads", "num_attention_heads", "intermediate_size"):
        number = getattr(text, what, None)
        if isinstance(number, int) and number % size:
            raise UserError(
                f"parallel.tensor: {size} does not divide the model's {what}, {number}.",
                "Take a divisor of it, or divide the model by parallel.shard or parallel.pipeline instead.",
            )


def _plan(model: Any, base: Any) -> Mapping[str, str]:
    plan: Mapping[str, str] = getattr(base.config, "base_model_tp_plan", None) or {}
    return plan


def _matching(plan: Mapping[str, str], base: Any) -> Iterator[tuple[str, str]]:
    """Names of modules of the base model with the plan's word for each."""
    patterns = {re.compile(re.escape(pattern).replace(r"\*", r"\d+")): style for pattern, style in plan.items()}
    for name, _ in base.named_modules():
        for pattern, style in patterns.items():
            if pattern.fullmatch(name):
                yield name, style


def _divide_linear(layer: torch.nn.Linear, dimension: int, group: Group) -> Iterator[tuple[str, Part]]:
    yield "weight", _divide(layer, "weight", dimension, group)
    if layer.bias is None:
        return
    if dimension == 0:
        yield "bias", _divide(layer, "bias", 0, group)
    else:
        layer.register_forward_hook(_BiasOnce(group))  # every rank adds it, and then they are added up


def _divide(module: torch.nn.Module, name: str, dimension: int, group: Group) -> Part:
    whole = module._parameters[name]
    assert whole is not None
    size = whole.shape[dimension]
    own = divided(size, group.size)[group.rank]
    kept = whole.detach().narrow(dimension, own.start, own.stop - own.start).clone()
    module._parameters[name] = torch.nn.Parameter(kept, requires_grad=whole.requires_grad)
    if isinstance(module, torch.nn.Linear) and name == "weight":
        module.out_features, module.in_features = kept.shape
    return Part(dimension, own.start, size)


def _work_on_all_tokens(module: torch.nn.Module, group: Group) -> None:
    """Of an attention or MLP between parts of the sequence."""
    module.register_forward_pre_hook(_GatherInput(group), with_kwargs=True)
    module.register_forward_hook(_ScatterOutput(group))


def _divide_vocabulary(model: Any, base: Any, group: Group) -> dict[str, Part]:
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    names = {id(module): name for name, module in model.named_modules()}
    is_tied = head.weight is embedding.weight
    part = _divide(embedding, "weight", 0, group)
    embedding.num_embeddings = embedding.weight.shape[0]
    if embedding.padding_idx is not None:
        here = embedding.padding_idx - part.start
        embedding.padding_idx = here if 0 <= here < embedding.num_embeddings else None
    lookup = _Lookup(group, part.start, embedding.num_embeddings)
    embedding.register_forward_pre_hook(lookup.before)
    embedding.register_forward_hook(lookup.after)
    parts = {f"{names[id(embedding)]}.weight": part}
    if is_tied:
        head._parameters["weight"] = embedding.weight
        head.out_features = embedding.num_embeddings
    else:
        parts[f"{names[id(head)]}.weight"] = _divide(head, "weight", 0, group)
    if getattr(head, "bias", None) is not None:
        parts[f"{names[id(head)]}.bias"] = _divide(head, "bias", 0, group)
    head.vocabulary = VocabularyPart(group, part.start, part.size)
    return parts


@dataclass(frozen=True)
class VocabularyPart:
    """Which logits a head makes that is divided over ranks."""

    group: Group
    start: int
    """The first token."""
    size: int
    """Of the whole vocabulary."""


class _GatherInput:
    """Before a module: the tokens of all ranks."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def __call__(
        self, module: torch.nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if "hidden_states" in named:
            return inputs, {**named, "hidden_states": gather_sequence(named["hidden_states"], self.group)}
        return (gather_sequence(inputs[0], self.group), *inputs[1:]), named


class _ScatterOutput:
    """After a module: the sum of what all ranks found, for this rank's tokens."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def __call__(self, module: torch.nn.Module, inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (scatter_sequence(output[0], self.group), *output[1:])
        return scatter_sequence(output, self.group)


class _GatherOutput:
    """After the base model: the hidden states of all tokens. Backwards, each rank's are of its part of the logits."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def __call__(self, module: torch.nn.Module, inputs: Any, output: Any) -> Any:
        output.last_hidden_state = gather_sequence(output.last_hidden_state, self.group)
        return output


class _BiasOnce:
    """After a layer with a part of its inputs and its whole bias: takes away what the other ranks' biases add."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def __call__(self, module: torch.nn.Linear, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return output - module.bias * (1 - 1 / self.group.size)


class _Lookup:
    """Around an embedding that has a part of the vocabulary: other tokens are zeros, and sums go to their ranks."""

    def __init__(self, group: Group, start: int, count: int) -> None:
        self.group, self.start, self.count = group, start, count
        self._is_other = torch.empty(0)

    def before(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        here = inputs[0] - self.start
        self._is_other = (here < 0) | (here >= self.count)
        return (here.masked_fill(self._is_other, 0),)

    def after(self, module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return scatter_sequence(output.masked_fill(self._is_other[..., None], 0), self.group)
