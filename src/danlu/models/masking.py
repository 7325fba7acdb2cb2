"""Which tokens of a text are hidden from an encoder that is to guess them, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError


@dataclass(frozen=True, eq=False)
class MaskVocabulary:
    """What masking has to know of a tokenizer."""

    mask: int
    """The token that stands for a hidden one."""
    is_ordinary: npt.NDArray[np.bool_]
    """Shape (vocabulary,): False for special tokens, which are never hidden and never put in another's place."""

    @classmethod
    def of(cls, tokenizer: Any) -> MaskVocabulary:
        """
        Raises:
            UserError: the tokenizer has no mask token.
        """
        if tokenizer.mask_token_id is None:
            raise UserError(
                "The tokenizer has no mask token, which stands for what an encoder is to guess.",
                "Train one with special_tokens: {kind: encoder} in the train_tokenizer stage.",
            )
        is_ordinary = np.ones(len(tokenizer), np.bool_)
        is_ordinary[tokenizer.all_special_ids] = False
        return cls(int(tokenizer.mask_token_id), is_ordinary)


@dataclass(frozen=True)
class Shares:
    """How much is hidden, and how (Devlin et al. 2018, arXiv:1810.04805, section 3.1)."""

    chosen: float = 0.15
    """Expected share of the ordinary tokens that are to be guessed."""
    masked: float = 0.8
    """Of those, the share in whose place the mask token stands."""
    replaced: float = 0.1
    """Of those, the share in whose place any ordinary token stands. The rest stays as it is."""


def hide(
    input_ids: npt.NDArray[np.int64],
    word_starts: npt.NDArray[np.bool_] | None,
    vocabulary: MaskVocabulary,
    shares: Shares,
    generator: np.random.Generator,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Choose tokens, or whole words, each with the same probability and by itself; at least one if there is any.

    Args:
        input_ids: Shape (num_tokens,).
        word_starts: Shape (num_tokens,): True where a word begins; its tokens are chosen all or none. None: each token
            by itself.
        vocabulary: Of the tokenizer.
        shares: How much.
        generator: The only source of chance.

    Returns:
        Shape (num_tokens,) both: which tokens are chosen, and what the encoder sees.
    """
    ordinary = vocabulary.is_ordinary[input_ids]
    begins = np.ones(len(input_ids), np.bool_) if word_starts is None else word_starts.copy()
    # Special tokens are words of their own, and so is what follows one.
    begins |= ~ordinary
    begins[1:] |= ~ordinary[:-1]
    begins[:1] = True
    words = np.cumsum(begins) - 1
    draws = generator.random(int(begins.sum()))[words]
    fewest = draws[ordinary].min(initial=1.0)
    chosen = ordinary & (draws <= max(shares.chosen, fewest))
    places = np.flatnonzero(chosen)
    fates = generator.random(len(places))
    seen = input_ids.copy()
    seen[places[fates < shares.masked]] = vocabulary.mask
    replaced = places[(fates >= shares.masked) & (fates < shares.masked + shares.replaced)]
    seen[replaced] = generator.choice(np.flatnonzero(vocabulary.is_ordinary), len(replaced))
    return chosen, seen


def fold(
    input_ids: npt.NDArray[np.int64], vocabulary: MaskVocabulary, num_folds: int, generator: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """The places of ordinary tokens, each in one of `num_folds` random groups of about the same size; none is empty.

    For scoring: with one group hidden at a time, every token is guessed once.
    """
    places = generator.permutation(np.flatnonzero(vocabulary.is_ordinary[input_ids]))
    return [np.sort(group) for group in np.array_split(places, num_folds) if len(group)]
