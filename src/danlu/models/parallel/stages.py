"""A model cut into pieces of neighbouring layers, for a pipeline."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import torch

from danlu.errors import UserError
from danlu.models.parallel.context import divided


def causal_lm_of(model: Any) -> Any:
    """The transformers model, without an adapter's wrapping."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class PassedOn(torch.nn.Module):
    """Stands where a layer is that another rank has."""

    def forward(self, hidden_states: Any, *others: Any, **named: Any) -> Any:
        return hidden_states


def check_stages(config: Any, num_pieces: int) -> None:
    """See that a model of this transformers config can be cut into so many pieces.

    Raises:
        UserError: it cannot.
    """
    text = config.get_text_config()
    if not {"embed_tokens", "layers", "norm"} <= set(getattr(text, "base_model_pp_plan", None) or {}):
        raise UserError(
            f"parallel.pipeline: transformers does not say how a model of type {config.model_type!r} is cut.",
            "Divide it by parallel.shard instead.",
        )
    if text.num_hidden_layers < num_pieces:
        raise UserError(
            f"parallel.pipeline: {num_pieces} pieces cannot share {text.num_hidden_layers} layers.",
            f"Cut the model into {text.num_hidden_layers} at most.",
        )


def owned_pieces(place: int, num_places: int, chunks: int) -> list[int]:
    """The pieces of a rank, in the order of the layers, of `num_places * chunks` in all."""
    return [place + num_places * chunk for chunk in range(chunks)]


def cut(model: Any, owned: list[int], num_pieces: int) -> None:
    """Leave of a causal language model what is in some of its pieces; the names of what stays do not change."""
    causal_lm = causal_lm_of(model)
    base = causal_lm.base_model
    layers = divided(len(base.layers), num_pieces)
    kept = {number for piece in owned for number in range(layers[piece].start, layers[piece].stop)}
    for number in range(len(base.layers)):
        if number not in kept:
            base.layers[number] = PassedOn()
    is_first, is_last = 0 in owned, num_pieces - 1 in owned
    is_tied = causal_lm.get_output_embeddings().weight is causal_lm.get_input_embeddings().weight
    if not is_first and not (is_last and is_tied):
        base.embed_tokens = PassedOn()
    if not is_last:
        base.norm = PassedOn()
        causal_lm.set_output_embeddings(PassedOn())


def piece_of(model: Any, piece: int, num_pieces: int) -> Any:
    """The base model with the layers of one piece only; it shares what it has with `model`.

    What a model that is divided otherwise does to its last hidden states is done after the last piece only.
    """
    base = causal_lm_of(model).base_model
    own = divided(len(base.layers), num_pieces)[piece]
    view = copy.copy(base)
    view._modules = dict(base._modules)
    view.layers = torch.nn.ModuleList(
        layer if own.start <= number < own.stop else PassedOn() for number, layer in enumerate(base.layers)
    )
    if piece != num_pieces - 1:
        view.norm = PassedOn()
        view._forward_hooks = OrderedDict()
    return view
