"""What a classifier says of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError

TOKENS_PER_PASS = 1024
"""Documents go through the model together, end to end, each seen by itself; every core takes a pass of its own."""


def class_probabilities(
    model: Any,
    documents: Sequence[npt.NDArray[np.int64]],
    advance: Callable[[int], None] = lambda num_documents: None,
) -> npt.NDArray[np.float64]:
    """Shape (num_documents, num_classes).

    Args:
        model: A transformers classifier with document attention, in eval mode.
        documents: Token ids of each, framed.
        advance: Called with the number of documents after each pass.

    Raises:
        UserError: the model's output for a document is no finite number.
    """
    from danlu.hardware.threads import workers_of_one_thread

    found = [np.zeros((0, int(model.config.num_labels)))]
    with workers_of_one_thread() as pool:
        for probabilities in pool.map(lambda part: _one_pass(model, part), _passes(documents)):
            found.append(probabilities)
            advance(len(probabilities))
    together = np.concatenate(found)
    if not np.isfinite(together).all():
        raise UserError(
            "The classifier's output for some documents is no finite number.",
            "Its weights are broken, or too large for bfloat16; try precision: float32.",
        )
    return together


def _passes(documents: Sequence[npt.NDArray[np.int64]]) -> Iterator[list[npt.NDArray[np.int64]]]:
    part: list[npt.NDArray[np.int64]] = []
    for document in documents:
        if part and sum(map(len, part)) + len(document) > TOKENS_PER_PASS:
            yield part
            part = []
        part.append(document)
    if part:
        yield part


def _one_pass(model: Any, documents: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.float64]:
    import torch

    from danlu.models.encoder import class_logits, encoder_states, pooled
    from danlu.models.end_to_end import EndToEnd

    laid = EndToEnd([len(document) for document in documents])
    with torch.inference_mode():
        hidden_TD = encoder_states(
            model,
            input_ids=torch.from_numpy(laid.fill(np.concatenate(documents)))[None].to(model.device),
            position_ids=torch.from_numpy(laid.position_ids)[None].to(model.device),
            documents=laid.documents,
        )
        logits_NC = class_logits(model, pooled(model, hidden_TD[torch.from_numpy(laid.firsts).to(model.device)]))
        probabilities: npt.NDArray[np.float64] = logits_NC.double().softmax(-1).cpu().numpy()
        return probabilities
