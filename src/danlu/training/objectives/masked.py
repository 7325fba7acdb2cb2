"""``masked_language_model``: hidden tokens from all others of their document (Devlin et al. 2018, arXiv:1810.04805)."""

from __future__ import annotations

from typing import Any

import torch

from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.encoder import encoder_states, next_sentence_logits, pooled, vocabulary_head, vocabulary_inputs
from danlu.models.frame import Frame
from danlu.models.head import linear_cross_entropy
from danlu.models.masking import MaskVocabulary, Shares
from danlu.models.tasks import Task
from danlu.training.batches import MicroBatch
from danlu.training.config import TrainConfig
from danlu.training.objectives.next_token import every_token, packed_or_contiguous
from danlu.training.objectives.objective import RowSettings
from danlu.training.rows.masked import MaskedRows
from danlu.training.rows.pairs import PairRows
from danlu.training.rows.row import SourceRows


def masked_cross_entropy(model: Any, batch: MicroBatch, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy of the hidden tokens and, where pairs are told apart, of that, each with its weight.

    As dropout does, label smoothing holds for a model in train mode only, and for the hidden tokens.
    """
    hidden_TD = encoder_states(
        model,
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        token_type_ids=batch.segments,
        documents=batch.documents,
    )
    smoothing = label_smoothing if model.training else 0.0
    inputs_ND = vocabulary_inputs(model, hidden_TD[batch.predicting])
    loss = linear_cross_entropy(inputs_ND, vocabulary_head(model), batch.targets, smoothing)
    if batch.labels is None:
        return loss
    logits_N2 = next_sentence_logits(model, pooled(model, hidden_TD[batch.firsts]))
    return loss + batch.label_weight * torch.nn.functional.cross_entropy(logits_N2, batch.labels, reduction="sum")


def task(config: TrainConfig) -> Task:
    return "pretraining" if config.next_sentence else "masked_lm"


def documents_of_a_corpus(store: TokenStore) -> TokenStore:
    if store.supervised is not None:
        raise UserError(
            "objective: 'masked_language_model' learns documents, and these tokens are of conversations.",
            "Make a corpus with 'into: corpus' in the clean stage.",
        )
    return every_token(store)


def masked_rows(store: TokenStore, how: RowSettings) -> SourceRows:
    """Rows of which some tokens are hidden.

    Raises:
        UserError: the tokenizer has no mask token, or whole words are wanted and not marked.
    """
    masking = how.config.masking
    if masking.whole_words and store.word_starts is None:
        raise UserError(
            "masking.whole_words: the tokens do not say where words begin.",
            "Set 'words: chinese' or 'words: pre_tokenizer' in the tokenize stage, or masking: {whole_words: false}.",
        )
    tokenizer = how.tokenizer()
    vocabulary = MaskVocabulary.of(tokenizer)
    rows: SourceRows
    if how.config.next_sentence:
        rows = PairRows(store, Frame.of(tokenizer), how.length, how.seed)
    else:
        rows = packed_or_contiguous(store, how)
    shares = Shares(masking.share, masking.mask, masking.random)
    return MaskedRows(rows, vocabulary, shares, how.seed, whole_words=masking.whole_words)
