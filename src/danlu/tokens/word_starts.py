"""With which tokens words begin, so that an encoder can be made to guess whole words.

Found once, when text is tokenised. Chinese puts no blanks between words; they are found by jieba's dictionary and model
(rjieba, the same algorithm in Rust: 1.75 million characters a second of Tang poems where jieba made 0.07, and the same
words in 2,989 of 3,000 poems).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.tokens.byte_letters import letters_to_bytes

TEXTS_PER_CALL = 1000

WordMarker = Callable[[Sequence[str], npt.NDArray[np.int32], npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
"""Texts, their token ids one after another, and the offsets of the texts in them -> shape (tokens,): whether a word
begins with this token. A word that begins within a token is the token's."""


def word_marker(tokenizer: Any, words: Literal["chinese", "pre_tokenizer"]) -> WordMarker:
    """What marks the words of texts that `tokenizer` encodes.

    Raises:
        UserError: rjieba is not installed, or Chinese words are to be found in tokens of which it is unknown how many
            bytes they stand for.
    """
    return _chinese(tokenizer) if words == "chinese" else _pre_tokenizer(tokenizer)


def _chinese(tokenizer: Any) -> WordMarker:
    try:
        from rjieba import cut
    except ImportError as error:
        raise UserError(
            "words: chinese needs the package rjieba, which is not installed.",
            "Install it with: pip install 'danlu[chinese]'",
        ) from error
    num_bytes = _token_bytes(tokenizer)
    composes = tokenizer.backend_tokenizer.normalizer is not None

    def mark(texts: Sequence[str], ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if composes:
            texts = [unicodedata.normalize("NFC", text) for text in texts]
        pieces = chain.from_iterable(map(cut, texts))
        word_ends = np.cumsum(np.fromiter(map(len, map(str.encode, pieces)), np.int64))
        sizes = num_bytes[ids]
        words = np.searchsorted(word_ends, np.cumsum(sizes) - sizes, side="right")
        assert sizes.sum() == word_ends[-1:].sum(), "tokens and words are the same bytes"
        starts: npt.NDArray[np.bool_] = np.diff(words, prepend=-1) != 0
        return starts

    return mark


def _token_bytes(tokenizer: Any) -> npt.NDArray[np.int64]:
    """Shape (vocabulary,): how many bytes of text each token of a byte-level vocabulary stands for."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    sizes = np.zeros(len(tokenizer), np.int64)
    for token, index in tokenizer.get_vocab().items():
        written = token.encode() if token in added else letters_to_bytes(token)
        if written is None:
            raise UserError(
                f"words: chinese needs a byte-level vocabulary, and this one has the token {token!r}.",
                "Set 'words: pre_tokenizer', or train a tokenizer of your own.",
            )
        sizes[index] = len(written)
    return sizes


def _pre_tokenizer(tokenizer: Any) -> WordMarker:
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()

    def mark(texts: Sequence[str], ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        marks = np.ones(len(ids), np.bool_)
        for first in range(0, len(texts), TEXTS_PER_CALL):
            encodings = backend.encode_batch(list(texts[first : first + TEXTS_PER_CALL]), add_special_tokens=False)
            for start, encoding in zip(offsets[first:], encodings, strict=False):
                # None, for an added token, becomes nan, which differs from everything.
                words = np.array(encoding.word_ids, np.float64)
                marks[start + 1 : start + len(words)] = words[1:] != words[:-1]
        return marks

    return mark
