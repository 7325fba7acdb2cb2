"""Messages: the chat format of the OpenAI API, a list of turns with ``role`` and ``content``."""

from __future__ import annotations

import json
from typing import Any

from danlu.corpus.conversations.conversation import BadRowError, Message, text_of

KEYS = "messages with role and content"
COLUMNS = frozenset({"messages", "conversations", "conversation", "system"})

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

TEXT_PARTS = ("text", "tool_call")
"""Kinds of content parts whose text is taken as it stands."""


def matches(row: dict[str, Any]) -> bool:
    turns = _turns(row)
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and "role" in turns[0]


def read(row: dict[str, Any]) -> list[Message]:
    turns = _turns(row)
    if turns is None:
        raise BadRowError("'messages' is missing or null")
    messages = read_turns(turns)
    system = text_of(row, "system", required=False)
    if system and not (messages and messages[0]["role"] == "system"):
        messages.insert(0, {"role": "system", "content": system})
    return messages


def read_turns(turns: Any) -> list[Message]:
    """A list of turns with ``role`` and ``content``.

    Raises:
        BadRowError: it is none.
    """
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise BadRowError("'messages' is not a list of turns")
    return [{"role": _role(turn), "content": _content(turn)} for turn in turns]


def _turns(row: dict[str, Any]) -> Any:
    return next((row[key] for key in ("messages", "conversations", "conversation") if row.get(key) is not None), None)


def _role(turn: dict[str, Any]) -> str:
    name = text_of(turn, "role")
    if name not in ROLES:
        raise BadRowError(f"the role {name!r} is not known")
    return ROLES[name]


def _content(turn: dict[str, Any]) -> str:
    """Text, the text parts of a list, or tool calls written down as JSON, one a line."""
    content = turn.get("content")
    if isinstance(content, list):
        text = "\n".join(_part(part) for part in content)
    else:
        text = text_of(turn, "content", required=not turn.get("tool_calls"))
    calls = turn.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise BadRowError("'tool_calls' is not a list of calls")
    return "\n".join(filter(None, [text.strip(), *map(_call, calls)]))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise BadRowError(f"a content part is not text but {type(part).__name__}")
    if part.get("type", "text") not in TEXT_PARTS:
        raise BadRowError(f"a content part of the type {part['type']!r} is not text")
    return text_of(part, "text" if "text" in part else "value")


def _call(call: dict[str, Any]) -> str:
    function = call.get("function", call)
    if not isinstance(function, dict) or "name" not in function:
        raise BadRowError("a tool call has no function name")
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except json.JSONDecodeError:
            raise BadRowError("the arguments of a tool call are not JSON") from None
    return json.dumps({"name": function["name"], "arguments": arguments}, ensure_ascii=False)
