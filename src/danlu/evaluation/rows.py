"""The rows a model is scored on: rendered with its own tokenizer, and those that cannot be used named with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.chat import ChatRenderer, RenderedText

Example = dict[str, Any]
"""``{"id", "messages", "source", "row"}``, see `danlu.artifacts.examples`."""


@dataclass(frozen=True, eq=False)
class Row:
    """One held-out conversation as a model sees it."""

    id: str
    input_ids: npt.NDArray[np.int32]
    """Shape (num_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (num_tokens,): True for the tokens that are scored, each from everything before it."""


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
    renderer = ChatRenderer(tokenizer)
    texts: dict[int, RenderedText] = {}
    dropped: dict[int, str] = {}
    for place, example in enumerate(examples):
        try:
            texts[place] = renderer.text(example["messages"])
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


def question_and_answer(example: Example) -> tuple[list[dict[str, str]], str]:
    """The messages before the last answer, and that answer."""
    messages = example["messages"]
    last = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    return messages[:last], messages[last]["content"]
