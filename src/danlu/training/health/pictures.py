"""Histograms, attention maps and a text that the model goes on with, for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from danlu.models.head import Head, hidden_states
from danlu.models.load import load_tokenizer
from danlu.models.tasks import is_encoder
from danlu.telemetry.pictures import Pictures
from danlu.training.batches import MicroBatch
from danlu.training.health.look import Findings
from danlu.training.health.modules import keyed, module_of
from danlu.training.health.norms import some_entries

Decode = Callable[[Sequence[int]], str]
"""From token ids to text."""

MOST_NUMBERS = 2**14
"""Of a histogram; evenly spread over all."""
PIXELS = 4
"""Of a weight's square in an attention map, in each direction."""
PROMPT_TOKENS = 32
"""Of the batch's first document, with which a text begins."""
NEW_TOKENS = 24


def take_pictures(
    findings: Findings, trained: Mapping[str, torch.Tensor], micro: MicroBatch, mirror: Any, decode: Decode | None
) -> Pictures:
    """Of a step whose gradient is there.

    Args:
        findings: Of a look that wanted pictures.
        trained: Parameters by name.
        micro: That was looked at.
        mirror: Of the model; see `danlu.training.health.look`.
        decode: Where the model goes on with texts.
    """
    gradients = {name: parameter.grad for name, parameter in trained.items() if parameter.grad is not None}
    return Pictures(
        histograms={
            **keyed("parameters", _by_module(trained)),
            **keyed("gradients", _by_module(gradients)),
            **keyed("activations", {name: some_numbers([output]) for name, output in findings.outputs.items()}),
        },
        images=keyed("attention", {layer: attention_map(maps) for layer, maps in findings.maps.items()}),
        texts={"text": _text(mirror, micro, decode)} if decode else {},
    )


def decoder_of(directory: Path, model: Any) -> Decode | None:
    """From token ids to text by the tokenizer in `directory`, read when it is first needed; None for encoders, which do
    not go on with texts."""
    if is_encoder(model.config.to_dict()):
        return None
    tokenizer = cache(partial(load_tokenizer, directory))
    return lambda ids: str(tokenizer().decode(ids))


def some_numbers(tensors: Sequence[torch.Tensor]) -> npt.NDArray[np.float32]:
    """At most about `MOST_NUMBERS` finite entries."""
    total = sum(tensor.numel() for tensor in tensors)
    parts = [some_entries(tensor, -(-MOST_NUMBERS * tensor.numel() // total)).float().cpu() for tensor in tensors]
    numbers: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return numbers[np.isfinite(numbers)]


def attention_map(weights_HQK: torch.Tensor) -> npt.NDArray[np.float32]:
    """(queries, heads * (keys + 1)) times `PIXELS`: the heads side by side, each row of weights over its largest."""
    largest = weights_HQK.amax(-1, keepdim=True).clamp_min(1e-12)
    framed = torch.nn.functional.pad(weights_HQK / largest, (0, 1), value=1.0)
    image: npt.NDArray[np.float32] = framed.transpose(0, 1).flatten(1).float().cpu().numpy()
    return image.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)


@torch.no_grad()
def go_on(model: Any, prompt: torch.Tensor, num_tokens: int) -> list[int]:
    """The likeliest next tokens after `prompt`, (tokens,), one after the other."""
    ids = prompt[None]
    for _ in range(num_tokens):
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        hidden_BTD = hidden_states(model, input_ids=ids, position_ids=positions)
        ids = torch.cat([ids, Head.of(model).logits(hidden_BTD[0, -1:]).argmax(-1)[None]], dim=1)
    return [int(token) for token in ids[0, len(prompt) :]]


def _by_module(tensors: Mapping[str, torch.Tensor]) -> dict[str, npt.NDArray[np.float32]]:
    grouped: dict[str, list[torch.Tensor]] = {}
    for name, tensor in tensors.items():
        grouped.setdefault(module_of(name), []).append(tensor)
    return {module: some_numbers(parts) for module, parts in grouped.items()}


def _text(mirror: Any, micro: MicroBatch, decode: Decode) -> str:
    document = micro.input_ids[0, : micro.documents.lengths[0]]
    prompt = document[:PROMPT_TOKENS]
    there = document[PROMPT_TOKENS : PROMPT_TOKENS + NEW_TOKENS].tolist()
    said = {"begins": prompt.tolist(), "the model goes on": go_on(mirror, prompt, NEW_TOKENS), "it goes on": there}
    return "\n\n".join(f"**{what}**: {_plain(decode(ids))}" for what, ids in said.items())


def _plain(text: str) -> str:
    """As a code block, so that nothing in it is taken for Markdown."""
    return "\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
