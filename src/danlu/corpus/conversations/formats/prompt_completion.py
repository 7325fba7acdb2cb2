"""Prompt and completion: a question column and an answer column, by any of their usual names."""

from __future__ import annotations

from typing import Any

from danlu.artifacts.examples import Message
from danlu.corpus.conversations.conversation import BadRowError, Conversation, text_of
from danlu.corpus.conversations.formats import tools
from danlu.corpus.conversations.formats.messages import read_turns

PROMPTS = ("prompt", "question", "query", "instruction", "input")
COMPLETIONS = ("completion", "response", "answer", "output")
CONTEXTS = ("context", "input")
"""Text the question is about; put under it."""

KEYS = "prompt, completion; or question, answer; or instruction, context, response"
COLUMNS = frozenset({*PROMPTS, *COMPLETIONS, *CONTEXTS, "system", *tools.COLUMNS})


def matches(row: dict[str, Any]) -> bool:
    return prompt_column(row) is not None and _first(row, COMPLETIONS) is not None


def read(row: dict[str, Any]) -> Conversation:
    """Both columns may also hold lists of turns with ``role`` and ``content``."""
    prompt, completion = prompt_column(row), _first(row, COMPLETIONS)
    if prompt is None:
        raise BadRowError("'prompt' is missing")
    if completion is None:
        raise BadRowError("'completion' is missing")
    given = tools.tools_of(row)
    if isinstance(row[prompt], list) and isinstance(row[completion], list):
        return Conversation(read_turns([*row[prompt], *row[completion]]), tools=given)
    messages = read_prompt(row, prompt)
    answer = text_of(row, completion)
    if not answer:
        raise BadRowError(f"{completion!r} is empty")
    return Conversation([*messages, {"role": "assistant", "content": answer}], tools=given)


def prompt_column(row: dict[str, Any]) -> str | None:
    """Which holds the question."""
    return _first(row, PROMPTS)


def read_prompt(row: dict[str, Any], column: str) -> list[Message]:
    """A question that is text, with what it is about."""
    contexts = [text_of(row, name, required=False) for name in CONTEXTS if name != column]
    question = "\n".join(filter(None, [text_of(row, column), *contexts]))
    if not question:
        raise BadRowError(f"{column!r} is empty")
    system = text_of(row, "system", required=False)
    return [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": question}]


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in row), None)
