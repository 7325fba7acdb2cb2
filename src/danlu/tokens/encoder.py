"""Texts -> token ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Encoder:
    """A tokenizer without the tokens that it puts around a text.

    Args:
        tokenizer: A transformers tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._backend = tokenizer.backend_tokenizer

    def encode(self, texts: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Token ids of all texts one after another, and where each text begins and the last one ends."""
        encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        ids = [np.array(encoding.ids, np.int64) for encoding in encodings]
        return np.concatenate([np.zeros(0, np.int64), *ids]), np.cumsum([0, *map(len, ids)], dtype=np.int64)
