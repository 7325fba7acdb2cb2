"""ShareGPT: ``conversations``, a list of turns with ``from`` and ``value``, tools' turns included."""

from __future__ import annotations

from typing import Any

from danlu.corpus.conversations.conversation import BadRowError, Message, text_of

KEYS = "conversations with from and value"
COLUMNS = frozenset({"conversations", "conversation", "system"})

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    # The assistant calls a function by writing the call down; what comes back is a tool's turn.
    "function_call": "assistant",
    "tool_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "function": "tool",
    "tool": "tool",
    "system": "system",
}


def matches(row: dict[str, Any]) -> bool:
    turns = _turns(row)
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and "from" in turns[0]


def read(row: dict[str, Any]) -> list[Message]:
    turns = _turns(row)
    if turns is None:
        raise BadRowError("'conversations' is missing or null")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise BadRowError("'conversations' is not a list of turns")
    messages = [{"role": _role(turn), "content": text_of(turn, "value")} for turn in turns]
    system = text_of(row, "system", required=False)
    if system and not (messages and messages[0]["role"] == "system"):
        messages.insert(0, {"role": "system", "content": system})
    return messages


def _turns(row: dict[str, Any]) -> Any:
    return row.get("conversations", row.get("conversation"))


def _role(turn: dict[str, Any]) -> str:
    name = text_of(turn, "from")
    if name.lower() not in ROLES:
        raise BadRowError(f"the role {name!r} is not known")
    return ROLES[name.lower()]
