"""Texts as token ids, fast, and the same ids as the tokenizers library gives.

The library computes what each piece of text becomes, and pieces repeat: `danlu.tokens.cuts` says where texts may be
cut, `danlu.tokens.lookup` does the rest in arrays. On 66 MB of Chinese poems, whose words are whole half-lines that
seldom come twice, 0.16 million different pieces make up 5 million words.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.gguf.pre_tokenizers import name_of
from danlu.telemetry.reporter import Reporter
from danlu.tokens.byte_letters import letters_to_bytes
from danlu.tokens.cuts import token_cuts
from danlu.tokens.lookup import PieceLookup

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

SEPARATOR = "\uffff\ufffecut\uffff"
"""Stands between pieces that the library is given as one text: a call for each would cost more than the piece."""
PIECES_PER_CALL = 256
SAMPLE_CHARACTERS = 100_000
"""Of the first texts; on these both ways are compared."""
TEXTS_PER_CALL = 1000


class Encoder:
    """Encodes texts with one tokenizer, adding nothing of its own to them.

    The first call compares its ids with the library's on a sample of the texts. Where they differ, or where the
    tokenizer is of a kind that cannot be cut for, the library does all of the work, and the reporter is told.

    Args:
        tokenizer: A fast Hugging Face tokenizer.
        reporter: Told why the slow way is taken.
    """

    def __init__(self, tokenizer: Any, reporter: Reporter) -> None:
        from tokenizers import Tokenizer

        self._backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self._reporter = reporter
        self._added = [token.content for token in self._backend.get_added_tokens_decoder().values()]
        self._lookup: PieceLookup[np.int32] | None = None
        self._is_compared = False
        content = json.loads(self._backend.to_str())
        self._composes = content["normalizer"] is not None
        reason = _why_not(content, self._added)
        if reason is None:
            self._lookup = self._make_lookup(content)
        else:
            reporter.say(f"Text is encoded by the tokenizers library itself, more slowly: {reason}.")

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """Token ids of all texts, flat, and the ``(len(texts) + 1,)`` offsets of the texts in them.

        Special tokens that are written out in a text become their ids; none is added.
        """
        if self._lookup is None:
            return self._slowly(texts)
        if not self._is_compared:
            self._compare(texts)
            return self.encode(texts)
        return self._quickly(texts, self._lookup)

    def _quickly(self, texts: Sequence[str], lookup: PieceLookup[np.int32]) -> tuple[Ids, Offsets]:
        if self._composes:  # before cutting, since neighbours may become one character
            texts = [unicodedata.normalize("NFC", text) for text in texts]
        return lookup(texts, self._with_added_tokens(texts))

    def _compare(self, texts: Sequence[str]) -> None:
        """Take the slow way from now on if the fast one gives other ids on some of the texts."""
        assert self._lookup is not None
        self._is_compared = True
        sample, characters = [], 0
        for text in texts[:: max(1, len(texts) // TEXTS_PER_CALL)]:
            sample.append(text)
            characters += len(text)
            if characters >= SAMPLE_CHARACTERS:
                break
        ids, offsets = self._quickly(sample, self._lookup)
        right_ids, right_offsets = self._slowly(sample)
        if not (np.array_equal(ids, right_ids) and np.array_equal(offsets, right_offsets)):
            self._lookup = None
            self._reporter.warn(
                "Encoding in pieces gives other token ids than the tokenizers library on a sample of these texts; "
                "the library encodes them itself, more slowly."
            )

    def _slowly(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        parts, counts = [np.zeros(0, np.int32)], [0]
        for first in range(0, len(texts), TEXTS_PER_CALL):
            block = list(texts[first : first + TEXTS_PER_CALL])
            for encoding in self._backend.encode_batch_fast(block, add_special_tokens=False):
                parts.append(np.array(encoding.ids, np.int32))
                counts.append(len(parts[-1]))
        return np.concatenate(parts), np.cumsum(counts, dtype=np.int64)

    def _with_added_tokens(self, texts: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        """Which texts hold an added token written out. The library looks for these before anything else."""
        everything = "\n".join(texts)
        begins = {token[0] for token in self._added if token[0] in everything}
        present = [token for token in self._added if token[0] in begins and token in everything]
        if not present:
            return None
        return np.array([any(token in text for token in present) for text in texts], np.bool_)

    def _make_lookup(self, content: dict[str, Any]) -> PieceLookup[np.int32]:
        from tokenizers import AddedToken, Tokenizer

        model = content["model"]
        tokens = [token for token in map(letters_to_bytes, model["vocab"]) if token is not None]
        within_words = not model.get("ignore_merges") or _all_merge_whole(content)
        separating = Tokenizer.from_str(self._backend.to_str())
        separating.add_special_tokens([AddedToken(SEPARATOR, normalized=False)])
        separator = separating.token_to_id(SEPARATOR)

        def translate(pieces: list[str]) -> tuple[Ids, npt.NDArray[np.intp]]:
            blocks = [
                SEPARATOR.join(pieces[first : first + PIECES_PER_CALL]) + SEPARATOR
                for first in range(0, len(pieces), PIECES_PER_CALL)
            ]
            encodings = separating.encode_batch_fast(blocks, add_special_tokens=False)
            ids = np.concatenate([np.array(encoding.ids, np.int32) for encoding in encodings])
            ends = np.flatnonzero(ids == separator)
            if len(ends) != len(pieces):  # a text has the separator in it
                ids, offsets = self._slowly(pieces)
                return ids, np.diff(offsets)
            return np.delete(ids, ends), np.diff(ends, prepend=-1) - 1

        return PieceLookup(token_cuts(tokens, within_words=within_words), translate, np.int32)


def _why_not(content: dict[str, Any], added: list[str]) -> str | None:
    """Why texts cannot be cut for this tokenizer, or None."""
    model = content["model"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        return "the tokenizer is no byte-level BPE"
    if any(model.get(setting) for setting in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")):
        return "the tokenizer marks parts of words or is random"
    if (content["normalizer"] or {"type": "NFC"})["type"] != "NFC":
        return "the tokenizer changes text beforehand"
    if not all(token and token.isascii() for token in added):
        return "it has added tokens beyond ASCII"
    try:
        name_of(content)
    except UserError as error:
        return error.what.rstrip(".")
    return None


def _all_merge_whole(content: dict[str, Any]) -> bool:
    """Whether merging alone makes every token of the vocabulary whole, so that ``ignore_merges`` changes nothing."""
    from tokenizers import Tokenizer

    content = {**content, "model": {**content["model"], "ignore_merges": False}}
    model = Tokenizer.from_str(json.dumps(content)).model
    words = [token for token in content["model"]["vocab"] if letters_to_bytes(token) is not None]
    return all(len(model.tokenize(word)) == 1 for word in words)
