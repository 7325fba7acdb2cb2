"""What a held-out document costs an encoder: the negative log-likelihood of its tokens, each hidden once.

The tokens are put into `NUM_FOLDS` random groups; with one group hidden at a time every token is guessed once, from all
but the seventh of its document that is hidden with it, which is about the share an encoder is trained with. Hiding one
token at a time (pseudo-likelihood, Salazar et al. 2020, arXiv:1910.14659) would take a pass for each token.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from danlu.evaluation.rows import Row
from danlu.models.masking import MaskVocabulary, fold

NUM_FOLDS = 7
"""A little below 15 % are hidden at a time."""


def masked_scorer(model: Any, vocabulary: MaskVocabulary, seed: int) -> Callable[[Row], float]:
    """What gives the summed negative log-likelihood of a row's scored tokens, in nats.

    Args:
        model: A transformers encoder with document attention and a head for hidden tokens, in eval mode.
        vocabulary: Of its tokenizer.
        seed: With a row's id, decides which of its tokens are hidden together.
    """
    import torch

    from danlu.models.encoder import encoder_states, vocabulary_head, vocabulary_inputs
    from danlu.models.end_to_end import EndToEnd
    from danlu.models.head import token_losses

    head = vocabulary_head(model)

    def score(row: Row) -> float:
        ids = row.input_ids.astype(np.int64)
        generator = np.random.default_rng([seed, zlib.crc32(row.id.encode())])
        groups = fold(ids, vocabulary, NUM_FOLDS, generator)
        seen = np.tile(ids, (len(groups), 1))
        for number, group in enumerate(groups):
            seen[number, group] = vocabulary.mask
        laid = EndToEnd([len(ids)] * len(groups))
        places = np.concatenate([group + number * len(ids) for number, group in enumerate(groups)])
        with torch.inference_mode():
            hidden_TD = encoder_states(
                model,
                input_ids=torch.from_numpy(laid.fill(seen.ravel()))[None].to(model.device),
                position_ids=torch.from_numpy(laid.position_ids)[None].to(model.device),
                documents=laid.documents,
            )
            inputs_ND = vocabulary_inputs(model, hidden_TD[torch.from_numpy(places).to(model.device)])
            targets_N = torch.from_numpy(ids[np.concatenate(groups)]).to(model.device)
            return float(token_losses(inputs_ND, head, targets_N).double().sum())

    return score
