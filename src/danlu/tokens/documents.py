"""Examples as documents of token ids; those that do not fit are dealt with as the recipe says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.chat import ChatRenderer, Rendered, RenderedText
from danlu.telemetry.reporter import Task

EXAMPLES_PER_CALL = 500
TEXT_CHARACTERS = 200
BAD_ANSWER = "labelled as a bad answer"


@dataclass(frozen=True, eq=False)
class Document:
    """One example as it will stand in a row."""

    example_id: str
    source: str
    """URI of the file the example came from."""
    row: int
    """Its 0-based index in that."""
    input_ids: npt.NDArray[np.int32]
    """Shape (num_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (num_tokens,)."""


@dataclass
class DocumentMaker:
    """Turns examples into documents and keeps account of what happened to them.

    Args:
        renderer: Renders conversations with the model's tokenizer and chat template.
        length: Tokens of a document at most.
        overlong: What to do with a longer one.
    """

    renderer: ChatRenderer
    length: int
    overlong: Literal["drop", "truncate", "error"]
    dropped: list[dict[str, Any]] = field(default_factory=list)
    """Columns of `danlu.artifacts.dropped.DROPPED_SCHEMA`."""
    dropped_by_reason: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    """What the renderer had to say, with the number of examples it said it about."""
    num_pairs: int = 0
    """Examples with a better answer and a worse one, of which the better one is learnt from."""
    num_truncated: int = 0
    num_ended: int = 0
    """Whole documents in which every turn ends with a supervised end-of-turn token."""
    num_not_ended: int = 0
    """Whole documents in which one does not."""

    def make(self, examples: list[dict[str, Any]], task: Task) -> list[Document]:
        """Documents of those examples that fit, in order.

        Raises:
            UserError: one is too long and `overlong` is ``error``.
        """
        documents = []
        for first in range(0, len(examples), EXAMPLES_PER_CALL):
            block = examples[first : first + EXAMPLES_PER_CALL]
            texts = [(example, text) for example in block if (text := self._text(example)) is not None]
            rendered = self.renderer.encode([text for _, text in texts])
            for (example, _), one in zip(texts, rendered, strict=True):
                document = self._fit(example, one)
                if document is not None:
                    documents.append(document)
            task.advance(len(block))
        return documents

    def _text(self, example: dict[str, Any]) -> RenderedText | None:
        if example.get("desirable") is False:
            self._drop(example, BAD_ANSWER)
            return None
        self.num_pairs += "rejected" in example
        try:
            return self.renderer.text(example["messages"], example.get("tools"))
        except UserError as error:
            self._drop(example, error.what)
            return None

    def _fit(self, example: dict[str, Any], rendered: Rendered) -> Document | None:
        ids, supervised = rendered.input_ids, rendered.supervised
        num_tokens = len(ids)
        if num_tokens > self.length:
            if self.overlong == "error":
                raise UserError(
                    f"Example {example['id']} ({example['source']}, row {example['row']}) has {num_tokens} tokens, "
                    f"more than the {self.length} of a row.",
                    "Raise 'length', or set 'overlong: drop' or 'overlong: truncate'.",
                )
            if self.overlong == "drop":
                self._drop(example, f"longer than {self.length} tokens", f" ({num_tokens})")
                return None
            ids, supervised = ids[: self.length], supervised[: self.length]
        if not supervised.any():
            cut = " before the cut" if num_tokens > self.length else ""
            self._drop(example, f"no token to learn{cut}")
            return None
        self._count(rendered, truncated=num_tokens > self.length)
        return Document(example["id"], example["source"], example["row"], ids, supervised)

    def _count(self, rendered: Rendered, *, truncated: bool) -> None:
        self.notes.update(rendered.notes)
        if truncated:
            self.num_truncated += 1
        elif rendered.end_of_turn_trained:
            self.num_ended += 1
        else:
            self.num_not_ended += 1

    def _drop(self, example: dict[str, Any], reason: str, detail: str = "") -> None:
        text = "\n".join(message["content"] for message in example["messages"])[:TEXT_CHARACTERS]
        row = {key: example[key] for key in ("id", "source", "row")}
        self.dropped.append({**row, "reason": reason + detail, "text": text})
        self.dropped_by_reason[reason] += 1
