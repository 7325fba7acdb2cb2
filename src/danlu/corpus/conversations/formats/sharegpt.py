"""ShareGPT: ``conversations``, a list of turns with ``from`` and ``value``; calls of tools and what they gave, too."""

from __future__ import annotations

from typing import Any

from danlu.artifacts.examples import Message
from danlu.corpus.conversations.conversation import BadRowError, Conversation, text_of
from danlu.corpus.conversations.formats import tools
from danlu.corpus.conversations.formats.messages import with_system

KEYS = "conversations with from and value"
COLUMNS = frozenset({"conversations", "conversation", "system", *tools.COLUMNS})

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
CALLS = ("function_call", "tool_call")


def matches(row: dict[str, Any]) -> bool:
    turns = _turns(row)
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and "from" in turns[0]


def read(row: dict[str, Any]) -> Conversation:
    turns = _turns(row)
    if turns is None:
        raise BadRowError("'conversations' is missing or null")
    return Conversation(with_system(read_turns(turns), row), tools=tools.tools_of(row))


def read_turns(turns: Any) -> list[Message]:
    """A list of turns with ``from`` and ``value``. Calls become part of the turn that the assistant has begun.

    Raises:
        BadRowError: it is none.
    """
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise BadRowError("'conversations' is not a list of turns")
    messages: list[Message] = []
    for turn in turns:
        role, text = _role(turn), text_of(turn, "value")
        calls = _calls(text) if str(turn["from"]).lower() in CALLS else None
        if calls is None:
            messages.append({"role": role, "content": text})
        elif messages and messages[-1]["role"] == "assistant":
            messages[-1].setdefault("tool_calls", []).extend(calls)
        else:
            messages.append({"role": role, "content": "", "tool_calls": calls})
    return messages


def _calls(text: str) -> list[dict[str, Any]] | None:
    """None where a call is written in some other way than as JSON: then it stays text."""
    try:
        return tools.calls_of(text)
    except BadRowError:
        return None


def _turns(row: dict[str, Any]) -> Any:
    return row.get("conversations", row.get("conversation"))


def _role(turn: dict[str, Any]) -> str:
    name = text_of(turn, "from")
    if name.lower() not in ROLES:
        raise BadRowError(f"the role {name!r} is not known")
    return ROLES[name.lower()]
