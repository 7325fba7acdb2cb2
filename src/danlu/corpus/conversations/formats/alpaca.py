"""Alpaca: an instruction, perhaps with an input to it, and the output; perhaps a system prompt and earlier turns."""

from __future__ import annotations

from typing import Any

from danlu.artifacts.examples import Message
from danlu.corpus.conversations.conversation import BadRowError, Conversation, text_of

KEYS = "instruction, input, output"
COLUMNS = frozenset({"instruction", "input", "output", "system", "history"})


def matches(row: dict[str, Any]) -> bool:
    return "instruction" in row and "output" in row


def read(row: dict[str, Any]) -> Conversation:
    """``history``: a list of [question, answer] that came before."""
    prompt = read_prompt(row)
    answer = text_of(row, "output")
    if not answer:
        raise BadRowError("'output' is empty")
    return Conversation([*prompt, {"role": "assistant", "content": answer}])


def read_prompt(row: dict[str, Any]) -> list[Message]:
    """All but the output."""
    question = "\n".join(filter(None, [text_of(row, "instruction"), text_of(row, "input", required=False)]))
    if not question:
        raise BadRowError("'instruction' is empty")
    messages: list[Message] = []
    if system := text_of(row, "system", required=False):
        messages.append({"role": "system", "content": system})
    for earlier_question, earlier_answer in _history(row):
        messages.append({"role": "user", "content": earlier_question.strip()})
        messages.append({"role": "assistant", "content": earlier_answer.strip()})
    return [*messages, {"role": "user", "content": question}]


def _history(row: dict[str, Any]) -> list[list[str]]:
    history = row.get("history") or []
    shaped = isinstance(history, list) and all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn) for turn in history
    )
    if not shaped:
        raise BadRowError("'history' is not a list of [question, answer]")
    return list(history)
