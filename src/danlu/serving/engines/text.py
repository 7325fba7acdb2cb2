"""From token ids to text as they come: characters are never cut in half, and stop texts never show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

REPLACEMENT = "\ufffd"
"""What a tokenizer writes for bytes that are no character, such as the first half of one."""


class IncrementalText:
    """Text of a growing list of token ids; the parts add up to the tokenizer's text of the whole list.

    Each step decodes only the last tokens, with the ones before them as context, because tokenizers drop or add a blank
    at the beginning of what they decode.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._token_ids: list[int] = []
        self._context = 0  # tokens before this index are no longer looked at
        self._done = 0  # tokens before this index have been handed out

    def push(self, token_id: int) -> str:
        """The text that `token_id` completes; empty while a character is unfinished."""
        self._token_ids.append(token_id)
        text = self._fresh()
        if not text or text.endswith(REPLACEMENT):
            return ""
        self._context, self._done = self._done, len(self._token_ids)
        return text

    def rest(self) -> str:
        """What is left at the end, unfinished characters included."""
        return self._fresh() if self._done < len(self._token_ids) else ""

    def _fresh(self) -> str:
        known = self._decode(self._token_ids[self._context : self._done])
        return self._decode(self._token_ids[self._context :])[len(known) :]

    def _decode(self, token_ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class StopTexts:
    """Lets text through up to the first stop text, and holds back what may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, text: str) -> str:
        """What may be shown now. After a stop text has been `found`, nothing."""
        if self.found:
            return ""
        text = self._held + text
        begins = [index for stop in self._stops if (index := text.find(stop)) >= 0]
        if begins:
            self.found, self._held = True, ""
            return text[: min(begins)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, once it is sure that no stop text follows."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
