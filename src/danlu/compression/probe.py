"""The held-out conversations or documents on which exports are compared with the trained model."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from danlu.compression.limits import MAX_EXACT_TOKENS, MAX_ROW_TOKENS, MAX_TOKENISED_ROWS
from danlu.errors import UserError
from danlu.models.frame import Frame

Conversation = list[dict[str, str]]

BUILT_IN: list[Conversation] = [
    [
        {"role": "user", "content": "Why does bread rise?"},
        {
            "role": "assistant",
            "content": "Yeast eats the sugar in the dough and gives off carbon dioxide. The gluten holds the gas in "
            "small bubbles, so the dough grows. In the oven the bubbles expand once more, then the crumb sets.",
        },
    ],
    [
        {"role": "user", "content": "Write a Python function that counts the words of a file."},
        {
            "role": "assistant",
            "content": "def count_words(path):\n    with open(path, encoding='utf-8') as file:\n"
            "        return sum(len(line.split()) for line in file)\n\nIt reads 1 line at a time: 10,000,000 are fine.",
        },
    ],
    [
        {"role": "user", "content": "用一句话介绍丹炉。"},
        {"role": "assistant", "content": "丹炉是古人炼丹的炉子：把原料放进去，用稳定的火候慢慢炼成更珍贵的东西。"},
    ],
    [
        {"role": "user", "content": "List three things to check before a long bicycle tour."},
        {
            "role": "assistant",
            "content": "1. Brakes: the pads should be at least 2 mm thick.\n2. Tyres: 4-5 bar, no cracks.\n"
            "3. Chain: clean it, oil it, and measure how far it has stretched (0.75 % is too much).",
        },
    ],
]


@dataclass(frozen=True)
class Probe:
    """What is compared."""

    conversations: list[tuple[Conversation, str]]
    """Conversations, and what the trained model's chat template makes of them."""
    texts: list[str]
    """What is tokenised and compared: those texts, or documents."""
    ids: list[list[int]]
    """Token ids of the texts."""
    rows: list[list[int]]
    """What next-token distributions are compared on: beginnings of `ids`, of documents with what stands before them;
    `num_tokens` positions together."""
    origin: str
    """Where they come from."""

    @property
    def num_tokens(self) -> int:
        return sum(len(row) for row in self.rows)

    @property
    def exact_rows(self) -> list[list[int]]:
        """The beginning of `rows` that is also computed in float64."""
        return _beginnings(self.rows, MAX_EXACT_TOKENS, MAX_EXACT_TOKENS)


def make_probe(
    tokenizer: Any, held_out: list[Conversation] | list[str], *, origin: str, num_tokens: int, context: int
) -> Probe:
    """Render and tokenise conversations, or documents, with the trained model's tokenizer.

    Args:
        tokenizer: The trained model's.
        held_out: In a fixed order. With documents, the built-in conversations show whether templates agree.
        origin: Where they come from, for the report.
        num_tokens: Positions to compare distributions at.
        context: The model's longest context, in tokens.

    Raises:
        UserError: there is nothing to compare on.
    """
    composed = _composed_only(tokenizer)
    conversations: list[tuple[Conversation, str]] = []
    texts: list[str] = []
    for each in held_out:
        if len(texts) == MAX_TOKENISED_ROWS:
            break
        text = each if isinstance(each, str) else render(tokenizer, each)
        if composed and not unicodedata.is_normalized("NFC", text):
            continue  # llama.cpp would tokenise it otherwise
        texts.append(text)
        if not isinstance(each, str):
            conversations.append((each, text))
    if not texts:
        raise UserError("There are no held-out rows to compare the export on.", "Name examples that have a test part.")
    ids = [tokenise(tokenizer, text) for text in texts]
    start = [] if conversations else Frame.of(tokenizer).start
    return Probe(
        conversations=conversations or [(each, render(tokenizer, each)) for each in BUILT_IN],
        texts=texts,
        ids=ids,
        rows=_beginnings([[*start, *row] for row in ids], num_tokens, min(context, MAX_ROW_TOKENS)),
        origin=origin,
    )


def render(tokenizer: Any, conversation: Conversation, *, prompt: bool = False) -> str:
    """The text of a conversation: by the chat template, or, where there is none, the turns one below the other.

    Args:
        tokenizer: A transformers tokenizer.
        conversation: Turns in order.
        prompt: Leave out the last turn and ask for it instead.
    """
    turns = conversation[:-1] if prompt else conversation
    if not tokenizer.chat_template:
        return "\n".join(turn["content"] for turn in turns)
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt)
    return text


def tokenise(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered text, to which nothing is added."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _composed_only(tokenizer: Any) -> bool:
    """Whether the tokenizer brings text into composed form, which llama.cpp does not."""
    return "NFC" in str(tokenizer.backend_tokenizer.normalizer) if tokenizer.is_fast else False


def _beginnings(ids: list[list[int]], num_tokens: int, longest: int) -> list[list[int]]:
    rows = []
    left = num_tokens
    for row in ids:
        beginning = row[: min(longest, left)]
        if beginning:
            rows.append(beginning)
            left -= len(beginning)
        if not left:
            break
    return rows
