"""The heads of an encoder (BERT, Devlin et al. 2018, arXiv:1810.04805) on documents packed into one sequence.

transformers' own heads take the first token of a sequence for the text's; here it is the first of each document.
"""

from __future__ import annotations

from typing import Any

import torch

from danlu.models.attention import DocumentLayout
from danlu.models.compiling import layout_arguments
from danlu.models.head import Head
from danlu.models.shapes import filling
from danlu.models.tasks import task_of


def encoder_states(
    model: Any,
    *,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    documents: DocumentLayout | None = None,
) -> torch.Tensor:
    """(tokens, hidden): the last hidden states of one flat sequence.

    Args:
        model: A transformers encoder with any head.
        input_ids: (1, tokens).
        position_ids: (1, tokens); counted through if not given.
        token_type_ids: (1, tokens): 0 for the first segment of a pair, 1 for the second; all 0 if not given.
        documents: Needs an attention that keeps them apart (`danlu.models.compiling.layout_arguments`); one document if
            not given.
    """
    kwargs = layout_arguments(model, documents, input_ids.device) if documents else {}
    output: torch.Tensor = model.base_model(
        input_ids=input_ids, position_ids=position_ids, token_type_ids=token_type_ids, **kwargs
    ).last_hidden_state
    return output[0]


def vocabulary_inputs(model: Any, hidden_ND: torch.Tensor) -> torch.Tensor:
    """(N, hidden): what `vocabulary_head` takes, from last hidden states; filled up meanwhile (see `models.shapes`)."""
    num_tokens = len(hidden_ND)
    filled_ND = torch.nn.functional.pad(hidden_ND, (0, 0, 0, filling(num_tokens)))
    transformed: torch.Tensor = model.cls.predictions.transform(filled_ND)
    return transformed[:num_tokens]


def vocabulary_head(model: Any) -> Head:
    """From `vocabulary_inputs` to the logits of hidden tokens."""
    return Head.of(model)


def pooled(model: Any, first_ND: torch.Tensor) -> torch.Tensor:
    """(N, hidden): what stands for each document, from the last hidden states of their first tokens."""
    result: torch.Tensor = model.base_model.pooler(first_ND[:, None])
    return result


def class_logits(model: Any, pooled_ND: torch.Tensor) -> torch.Tensor:
    """(N, classes) in float32. In train mode it drops what the model says it drops."""
    logits: torch.Tensor = model.classifier(model.dropout(pooled_ND))
    return logits.float()


def next_sentence_logits(model: Any, pooled_ND: torch.Tensor) -> torch.Tensor:
    """(N, 2) in float32: that the second segment goes on where the first ends, and that it does not."""
    logits: torch.Tensor = model.cls.seq_relationship(pooled_ND)
    return logits.float()


def head_modules(model: Any) -> tuple[list[torch.nn.Module], list[torch.nn.Module]]:
    """What works on guessed tokens only, and what works on the first tokens of documents only."""
    pooler = model.base_model.pooler
    if hasattr(model, "classifier"):
        return [], [pooler, model.classifier]
    if pooler is None:
        return [model.cls.predictions], []
    return [model.cls.predictions], [pooler, model.cls.seq_relationship]


def head_inputs(model: Any, hidden_ND: torch.Tensor) -> torch.Tensor:
    """What `head_of` takes, from the last hidden states of one document: for each token, or one for a classifier."""
    if task_of(model.config.to_dict()) == "classification":
        return pooled(model, hidden_ND[:1])
    return vocabulary_inputs(model, hidden_ND)


def head_of(model: Any) -> Head:
    """The last, linear step of an encoder: to a vocabulary, or to classes."""
    if task_of(model.config.to_dict()) == "classification":
        return Head(weight=model.classifier.weight, bias=model.classifier.bias)
    return vocabulary_head(model)
