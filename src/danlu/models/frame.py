"""What stands around a document of plain text when a model reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError


@dataclass(frozen=True)
class Frame:
    """What stands around each document, so that the model learns where one begins and ends."""

    start: list[int]
    """Token ids before a document: none, or one."""
    end: list[int]
    """Token ids after a document: one."""

    @classmethod
    def of(cls, tokenizer: Any) -> Frame:
        """The tokenizer's own: an encoder's cls and sep tokens; else its bos token if it puts one before every text,
        and its end of text.

        Raises:
            UserError: it has no token to end a document with.
        """
        if tokenizer.cls_token_id is not None and tokenizer.sep_token_id is not None:
            return cls([tokenizer.cls_token_id], [tokenizer.sep_token_id])
        vocabulary = tokenizer.get_vocab()
        named = [vocabulary[name] for name in ("<|endoftext|>", "<|end_of_text|>") if name in vocabulary]
        end = named[0] if named else tokenizer.eos_token_id
        if end is None:
            raise UserError(
                "The tokenizer has no token that ends a document.", "Set eos_token in its tokenizer_config.json."
            )
        begins_with_bos = tokenizer.bos_token_id is not None and tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
        return cls([tokenizer.bos_token_id] if begins_with_bos else [], [end])

    def put_around(
        self, ids: npt.NDArray[np.integer], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Frame every document.

        Args:
            ids: Shape (num_tokens,): documents one after another.
            offsets: Shape (num_documents + 1,): where each begins.

        Returns:
            The same with the frames, and the length of each document with its frame.
        """
        inside, lengths = self.inside(offsets)
        ends = np.cumsum(lengths)
        framed = np.empty(len(inside), np.int64)
        for place, token in enumerate(self.start):
            framed[ends - lengths + place] = token
        for place, token in enumerate(reversed(self.end)):
            framed[ends - 1 - place] = token
        framed[inside] = ids
        return framed, lengths

    def inside(self, offsets: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Which tokens of framed documents are the documents' own, and the length of each document with its frame."""
        lengths = np.diff(offsets) + len(self.start) + len(self.end)
        ends = np.cumsum(lengths)
        inside = np.ones(int(lengths.sum()), np.bool_)
        for place in range(len(self.start)):
            inside[ends - lengths + place] = False
        for place in range(len(self.end)):
            inside[ends - 1 - place] = False
        return inside, lengths

    def ids(self, tokenizer: Any, text: str) -> list[int]:
        """Token ids of one document as a model reads it."""
        return [*self.start, *tokenizer(text, add_special_tokens=False, verbose=False).input_ids, *self.end]
