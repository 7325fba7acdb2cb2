"""Prompt and completion: a question column and an answer column, by any of their usual names."""

from __future__ import annotations

from typing import Any

from danlu.corpus.conversations.conversation import BadRowError, Message, text_of
from danlu.corpus.conversations.formats.messages import read_turns

PROMPTS = ("prompt", "question", "query", "instruction", "input")
COMPLETIONS = ("completion", "response", "answer", "output")
CONTEXTS = ("context", "input")
"""Text the question is about; put under it."""

KEYS = "prompt, completion; or question, answer; or instruction, context, response"
COLUMNS = frozenset({*PROMPTS, *COMPLETIONS, *CONTEXTS, "system"})


def matches(row: dict[str, Any]) -> bool:
    return _first(row, PROMPTS) is not None and _first(row, COMPLETIONS) is not None


def read(row: dict[str, Any]) -> list[Message]:
    """Both columns may also hold lists of turns with ``role`` and ``content``."""
    prompt, completion = _first(row, PROMPTS), _first(row, COMPLETIONS)
    if prompt is None:
        raise BadRowError("'prompt' is missing")
    if completion is None:
        raise BadRowError("'completion' is missing")
    if isinstance(row[prompt], list) and isinstance(row[completion], list):
        return read_turns([*row[prompt], *row[completion]])
    contexts = [text_of(row, name, required=False) for name in CONTEXTS if name != prompt]
    question = "\n".join(filter(None, [text_of(row, prompt), *contexts]))
    answer = text_of(row, completion)
    if not question:
        raise BadRowError(f"{prompt!r} is empty")
    if not answer:
        raise BadRowError(f"{completion!r} is empty")
    system = text_of(row, "system", required=False)
    return [
        *([{"role": "system", "content": system}] if system else []),
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in row), None)
