"""Preference pairs: a prompt, an answer that was chosen and one that was rejected; as text, as turns, or as whole
conversations that begin alike."""

from __future__ import annotations

import re
from typing import Any

from danlu.artifacts.examples import Message
from danlu.corpus.conversations.conversation import BadRowError, Conversation
from danlu.corpus.conversations.formats import alpaca, messages, prompt_completion, sharegpt, tools

KEYS = "prompt, chosen, rejected; or conversations, chosen, rejected; or chosen, rejected"
PAIRS = (("chosen", "rejected"), ("chosen_messages", "rejected_messages"))
COLUMNS = frozenset(
    {*(column for pair in PAIRS for column in pair), *messages.COLUMNS, *prompt_completion.PROMPTS}
    | {*prompt_completion.CONTEXTS, "history"}
)
SPOKEN = re.compile(r"(?:^|\n\n)(Human|Assistant):")
"""How turns begin in pairs that are one text each."""


def matches(row: dict[str, Any]) -> bool:
    pair = _pair(row)
    return pair is not None and all(isinstance(row[column], str | list | dict) for column in pair)


def read(row: dict[str, Any]) -> Conversation:
    pair = _pair(row)
    if pair is None:
        raise BadRowError("'chosen' or 'rejected' is missing")
    chosen, rejected = (_side(row, column) for column in pair)
    return Conversation(chosen, rejected=rejected, tools=tools.tools_of(row))


def _pair(row: dict[str, Any]) -> tuple[str, str] | None:
    return next((pair for pair in PAIRS if all(row.get(column) is not None for column in pair)), None)


def _side(row: dict[str, Any], column: str) -> list[Message]:
    """The prompt and one answer to it, or the whole conversation."""
    answer = row[column]
    if isinstance(answer, str):
        if not answer.strip():
            raise BadRowError(f"{column!r} is empty")
        if not _has_prompt(row):
            return messages.with_system(_spoken(answer, column), row)
        return [*_prompt(row), {"role": "assistant", "content": answer.strip()}]
    turns = _turns(answer)
    begins = turns[0]["role"] if turns else None
    if begins in ("system", "user") or not _has_prompt(row):
        return messages.with_system(turns, row)
    return [*_prompt(row), *turns]


def _has_prompt(row: dict[str, Any]) -> bool:
    return prompt_completion.prompt_column(row) is not None or any(row.get(key) for key in messages.TURNS)


def _prompt(row: dict[str, Any]) -> list[Message]:
    turns = next((row[key] for key in messages.TURNS if row.get(key)), None)
    column = prompt_completion.prompt_column(row)
    if turns is None and column is not None and not isinstance(row[column], str):
        turns = row[column]
    if turns is not None:
        return messages.with_system(_turns(turns), row)
    if column == "instruction":
        return alpaca.read_prompt(row)
    assert column is not None
    return prompt_completion.read_prompt(row, column)


def _turns(turns: Any) -> list[Message]:
    """Turns of either form, or a single one."""
    listed = [turns] if isinstance(turns, dict) else turns
    is_sharegpt = isinstance(listed, list) and bool(listed) and isinstance(listed[0], dict) and "from" in listed[0]
    return sharegpt.read_turns(listed) if is_sharegpt else messages.read_turns(listed)


def _spoken(text: str, column: str) -> list[Message]:
    """A whole conversation in one text, with Human: and Assistant: before the turns."""
    found = list(SPOKEN.finditer(text))
    if not found or text[: found[0].start()].strip():
        raise BadRowError(f"there is no prompt to {column!r}")
    ends = [*(match.start() for match in found[1:]), len(text)]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [
        {"role": roles[match[1]], "content": text[match.end() : end].strip()}
        for match, end in zip(found, ends, strict=True)
    ]
