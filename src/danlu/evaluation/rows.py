"""The rows a model is scored on: rendered with its own tokenizer, and those that cannot be used named with a reason.

A conversation is scored on the assistant's words. A document of a corpus is scored on all of it but its first token;
one that is too long, on its beginning. An encoder guesses all tokens but special ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.examples import read_examples
from danlu.artifacts.stage import Input
from danlu.errors import UserError
from danlu.models.chat import ChatRenderer, RenderedText, ensure_chat_template
from danlu.models.frame import Frame
from danlu.models.masking import MaskVocabulary
from danlu.models.tool_calls import plain

PROMPT_CHARACTERS = 200
"""Of a document, at most; a model is asked to go on from there."""

Example = dict[str, Any]
"""A row of `danlu.artifacts.examples` (``{"id", "messages", ...}``) or of `danlu.artifacts.corpus` (``{"id", "text",
...}``)."""
Question = list[dict[str, str]] | str
"""Messages to answer, or the beginning of a text to go on with."""


@dataclass(frozen=True, eq=False)
class Row:
    """One held-out conversation or document as a model sees it."""

    id: str
    input_ids: npt.NDArray[np.int32]
    """Shape (num_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (num_tokens,): True for the tokens that are scored, each from everything before it."""


def read_rows(data: Input, part: str) -> list[Example]:
    """The held-out rows of examples or a corpus, in the order of their ids."""
    if data.kind == "corpus":
        rows = [row for batch in read_documents(data.path, part) for row in batch.select(["id", "text"]).to_pylist()]
    else:
        rows = read_examples(data.path, part)
    return sorted(rows, key=lambda row: str(row["id"]))


def render_rows(tokenizer: Any, examples: list[Example], *, length: int) -> tuple[dict[int, Row], dict[int, str]]:
    """Render `examples`.

    Args:
        tokenizer: Of the model that will score them.
        length: Most tokens of a row.

    Returns:
        By place in `examples`: the rows that can be scored, and for the others the reason why not.

    Raises:
        UserError: the tokenizer has no usable chat template.
    """
    if examples and "text" in examples[0]:
        return _render_documents(tokenizer, examples, length=length), {}
    ensure_chat_template(tokenizer)
    renderer = ChatRenderer(tokenizer)
    texts: dict[int, RenderedText] = {}
    dropped: dict[int, str] = {}
    for place, example in enumerate(examples):
        if example.get("desirable") is False:
            dropped[place] = "labelled as a bad answer"
            continue
        try:
            texts[place] = renderer.text(example["messages"], example.get("tools"))
        except UserError as error:
            dropped[place] = error.what
    rows = {}
    for place, rendered in zip(texts, renderer.encode(list(texts.values())), strict=True):
        if len(rendered.input_ids) > length:
            dropped[place] = f"longer than {length:,} tokens"
        elif not rendered.supervised.any():
            dropped[place] = "no token of an answer to score"
        else:
            rows[place] = Row(examples[place]["id"], rendered.input_ids, rendered.supervised)
    return rows, dropped


def _render_documents(tokenizer: Any, examples: list[Example], *, length: int) -> dict[int, Row]:
    frame = Frame.of(tokenizer)
    hidden = MaskVocabulary.of(tokenizer) if tokenizer.mask_token_id is not None else None
    rows = {}
    for place, example in enumerate(examples):
        ids = np.array(frame.ids(tokenizer, example["text"])[:length], np.int32)
        supervised = np.ones(len(ids), np.bool_) if hidden is None else hidden.is_ordinary[ids]
        supervised[0] = False
        rows[place] = Row(example["id"], ids, supervised)
    return rows


def question_and_answer(example: Example) -> tuple[Question, str]:
    """The messages before the last answer, and that answer, with calls of tools written out; of a document its
    beginning, and how it goes on."""
    if "text" in example:
        text = example["text"]
        cut = min(len(text) // 4, PROMPT_CHARACTERS)
        return text[:cut], text[cut:]
    messages = plain(example["messages"])
    last = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    return messages[:last], messages[last]["content"]
