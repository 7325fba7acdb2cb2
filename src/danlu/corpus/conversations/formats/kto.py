"""KTO: conversations in any of the forms, each with a label that says whether the answer is good."""

from __future__ import annotations

from typing import Any

from danlu.corpus.conversations.conversation import BadRowError, Conversation
from danlu.corpus.conversations.formats import alpaca, messages, prompt_completion, sharegpt

BASES = (messages, sharegpt, alpaca, prompt_completion)
LABELS = ("label", "kto_tag")
KEYS = "messages, or prompt and completion, with label: true or false"
COLUMNS = frozenset({*LABELS, *(column for base in BASES for column in base.COLUMNS)})
WORDS = {"true": True, "false": False}
"""How a file of text alone, such as CSV, writes it."""


def matches(row: dict[str, Any]) -> bool:
    return label_of(row) is not None and any(base.matches(row) for base in BASES)


def read(row: dict[str, Any]) -> Conversation:
    label = label_of(row)
    if label is None:
        raise BadRowError("'label' is neither true nor false")
    base = next((base for base in BASES if base.matches(row)), None)
    if base is None:
        raise BadRowError("there are neither messages nor a prompt and a completion")
    conversation: Conversation = base.read(row)
    conversation.desirable = label
    return conversation


def label_of(row: dict[str, Any]) -> bool | None:
    """Whether the answer is good; None where nothing says so."""
    for column in LABELS:
        value = row.get(column)
        if isinstance(value, str):
            value = WORDS.get(value.strip().lower())
        if isinstance(value, bool):
            return value
    return None
