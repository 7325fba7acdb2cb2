"""A close look at some tokens on their way through the model, beside the training.

The model that is trained may be compiled, and its passes run in several threads, so nothing is hung onto it. The look
takes a mirror: modules of its own, in evaluation mode and not compiled, that hold the very same parameters. What goes
through it leaves no trace: there is no gradient, and nothing is drawn at random.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from typing import Any

import torch

from danlu.models.attention import DocumentLayout
from danlu.models.compiling import layout_arguments
from danlu.models.head import hidden_states
from danlu.models.tasks import is_encoder
from danlu.models.watched_attention import AttentionWatch, can_be_watched, watch_attention
from danlu.training.batches import MicroBatch
from danlu.training.health.activations import activations_seen
from danlu.training.health.modules import keyed, layer_of, module_of

MOST_TOKENS = 1024
"""That are looked at; the first of a micro-batch."""


@dataclass(frozen=True)
class Findings:
    """Of one look."""

    metrics: dict[str, float]
    outputs: dict[str, torch.Tensor]
    """(tokens, width) by module, where pictures are wanted."""
    maps: dict[str, torch.Tensor]
    """(heads, queries, keys) by layer: attention weights among the first tokens, where pictures are wanted."""


def mirror(model: Any) -> Any:
    """Modules like those of `model`, of which parameters and buffers are the same tensors."""
    shared = {id(tensor): tensor for tensor in itertools.chain(model.parameters(), model.buffers())}
    return copy.deepcopy(model, shared).eval()


class Look:
    """Looks at tokens.

    Args:
        model: What training runs over.
    """

    def __init__(self, model: Any) -> None:
        self.mirror = mirror(model)
        """What it looks at."""
        self._sees_attention = can_be_watched(model)
        if self._sees_attention:
            watch_attention(self.mirror)
        self._names = {id(module): module_of(name) for name, module in self.mirror.named_modules()}

    @torch.no_grad()
    def at(self, micro: MicroBatch, *, wants_pictures: bool = False) -> Findings:
        """Send the first tokens of a micro-batch through the mirror."""
        micro = first_tokens(micro, MOST_TOKENS)
        attention = AttentionWatch(micro.num_tokens, wants_maps=wants_pictures)
        arguments = {"watched": attention} if self._sees_attention else {}
        with activations_seen(self.mirror, micro.num_tokens, keeps_outputs=wants_pictures) as seen:
            self._run(micro, arguments)
        heads = {layer_of(self._names[key]): entropies for key, entropies in attention.entropies.items()}
        metrics = {
            **seen.metrics(),
            **keyed("attention_entropy", {layer: float(each.mean()) for layer, each in heads.items()}),
            **keyed("attention_entropy_lowest", {layer: float(each.min()) for layer, each in heads.items()}),
        }
        maps = {layer_of(self._names[key]): weights for key, weights in attention.maps.items()}
        return Findings(metrics, seen.outputs, maps)

    def _run(self, micro: MicroBatch, arguments: dict[str, Any]) -> None:
        """As far as the last hidden states: the head's logits would be larger than all the rest."""
        layout = layout_arguments(self.mirror, micro.documents, micro.input_ids.device)
        inputs = {"input_ids": micro.input_ids, "position_ids": micro.position_ids, **layout, **arguments}
        if is_encoder(self.mirror.config.to_dict()):
            self.mirror.base_model(token_type_ids=micro.segments, **inputs)
        else:
            hidden_states(self.mirror, **inputs)


def first_tokens(micro: MicroBatch, most: int) -> MicroBatch:
    """The first tokens of a micro-batch, without what they are to predict. The last document may be cut short."""
    if micro.num_tokens <= most:
        return micro
    lengths: list[int] = []
    for length in micro.documents.lengths:
        lengths.append(min(length, most - sum(lengths)))
        if sum(lengths) == most:
            break
    return replace(
        micro,
        num_tokens=most,
        input_ids=micro.input_ids[:, :most],
        position_ids=micro.position_ids[:, :most],
        documents=DocumentLayout(tuple(lengths)),
        segments=None if micro.segments is None else micro.segments[:, :most],
    )
