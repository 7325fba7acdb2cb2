"""Texts as token ids, fast, and the same ids as the tokenizers library gives.

The library says what is right. fastokens gives the same ids from the same ``tokenizer.json`` many times faster; it is
asked to show so on a sample of the texts, and where it does not, or is not installed, the library does all of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.telemetry.reporter import Reporter

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

SAMPLE_CHARACTERS = 100_000
SAMPLE_TEXTS = 1000
TEXTS_PER_CALL = 1000


class Encoder:
    """Encodes texts with one tokenizer, on all cores, adding nothing to them.

    Args:
        tokenizer: A fast Hugging Face tokenizer.
        reporter: Told why the slow way is taken.
    """

    def __init__(self, tokenizer: Any, reporter: Reporter) -> None:
        from tokenizers import Tokenizer

        self._library = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._library.no_truncation()
        self._library.no_padding()
        self._reporter = reporter
        self._fast = self._load_fast()
        self._is_compared = False

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """Token ids of all texts, flat, and the ``(len(texts) + 1,)`` offsets of the texts in them.

        Special tokens that are written out in a text become their ids.
        """
        if self._fast is not None and not self._is_compared:
            self._compare(texts)
        return self._encode_slowly(texts) if self._fast is None else self._encode_fast(texts)

    def _load_fast(self) -> Any:
        """fastokens' reading of the tokenizer; None if it cannot read it or is not there."""
        if find_spec("fastokens") is None:
            self._say_slow("fastokens is not installed (the extra 'tokenizer')")
            return None
        from fastokens import Tokenizer

        try:
            return Tokenizer.from_json_str(self._library.to_str())
        except ValueError as error:
            self._say_slow(f"fastokens does not read this tokenizer ({error})")
            return None

    def _compare(self, texts: Sequence[str]) -> None:
        """Take the slow way from now on if the fast one gives other ids on some of the texts."""
        sample, characters = [], 0
        for text in texts[:: max(1, len(texts) // SAMPLE_TEXTS)]:
            sample.append(text)
            characters += len(text)
            if characters >= SAMPLE_CHARACTERS:
                break
        ids, offsets = self._encode_fast(sample)
        right_ids, right_offsets = self._encode_slowly(sample)
        self._is_compared = True
        if not (np.array_equal(ids, right_ids) and np.array_equal(offsets, right_offsets)):
            self._fast = None
            self._reporter.warn(
                "fastokens gives other token ids than the tokenizers library on a sample of these texts; the library "
                "encodes them, more slowly."
            )

    def _encode_fast(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        ids, offsets = self._fast.encode_batch_flat(list(texts), False)
        return np.frombuffer(ids, "<u4").view(np.int32), np.frombuffer(offsets, "<u8").astype(np.int64)

    def _encode_slowly(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        parts, counts = [np.zeros(0, np.int32)], [0]
        for first in range(0, len(texts), TEXTS_PER_CALL):
            block = list(texts[first : first + TEXTS_PER_CALL])
            for encoding in self._library.encode_batch_fast(block, add_special_tokens=False):
                parts.append(np.array(encoding.ids, np.int32))
                counts.append(len(parts[-1]))
        return np.concatenate(parts), np.cumsum(counts, dtype=np.int64)

    def _say_slow(self, reason: str) -> None:
        self._reporter.say(f"The tokenizers library encodes text, more slowly: {reason}.")
