"""Messages: the chat format of the OpenAI API, a list of turns with ``role`` and ``content``, and perhaps tools."""

from __future__ import annotations

from typing import Any

from danlu.artifacts.examples import Message
from danlu.corpus.conversations.conversation import BadRowError, Conversation, text_of
from danlu.corpus.conversations.formats import tools

KEYS = "messages with role and content"
TURNS = ("messages", "conversations", "conversation")
COLUMNS = frozenset({*TURNS, "system", *tools.COLUMNS})

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

THOUGHTS = ("reasoning", "thinking")
"""Kinds of content parts with what the assistant thought before it answered."""
OF_TOOLS = ("tool_call_id", "name")
"""Of a tool's turn: which call it answers, and which function."""


def matches(row: dict[str, Any]) -> bool:
    turns = _turns(row)
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and "role" in turns[0]


def read(row: dict[str, Any]) -> Conversation:
    turns = _turns(row)
    if turns is None:
        raise BadRowError("'messages' is missing or null")
    return Conversation(with_system(read_turns(turns), row), tools=tools.tools_of(row))


def with_system(messages: list[Message], row: dict[str, Any]) -> list[Message]:
    """With the system prompt in a column of its own, unless there is one."""
    system = text_of(row, "system", required=False)
    if system and not (messages and messages[0]["role"] == "system"):
        return [{"role": "system", "content": system}, *messages]
    return messages


def read_turns(turns: Any) -> list[Message]:
    """A list of turns with ``role`` and ``content``.

    Raises:
        BadRowError: it is none.
    """
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise BadRowError("'messages' is not a list of turns")
    return [_message(turn) for turn in turns]


def _turns(row: dict[str, Any]) -> Any:
    return next((row[key] for key in TURNS if row.get(key) is not None), None)


def _message(turn: dict[str, Any]) -> Message:
    """Text, or the parts of a list: texts, thoughts and calls of tools."""
    role = _role(turn)
    calls = tools.calls_of(turn["tool_calls"]) if turn.get("tool_calls") else []
    if turn.get("function_call"):
        calls += tools.calls_of(turn["function_call"])
    content = turn.get("content")
    parts = content if isinstance(content, list) else []
    calls += [call for part in parts if _kind(part) == "tool_call" for call in tools.calls_of(_value(part))]
    thoughts = [_text(part) for part in parts if _kind(part) in THOUGHTS]
    if isinstance(content, list):
        content = "\n".join(_text(part) for part in parts if _kind(part) not in (*THOUGHTS, "tool_call")).strip()
    else:
        content = text_of(turn, "content", required=not calls)
    thought = "\n".join([text_of(turn, "reasoning_content", required=False), *thoughts]).strip()
    return {
        "role": role,
        "content": content,
        **({"reasoning_content": thought} if thought and role == "assistant" else {}),
        **({"tool_calls": calls} if calls and role == "assistant" else {}),
        **({key: turn[key] for key in OF_TOOLS if role == "tool" and isinstance(turn.get(key), str)}),
    }


def _role(turn: dict[str, Any]) -> str:
    name = text_of(turn, "role")
    if name not in ROLES:
        raise BadRowError(f"the role {name!r} is not known")
    return ROLES[name]


def _kind(part: Any) -> str:
    return str(part.get("type", "text")) if isinstance(part, dict) else "text"


def _value(part: dict[str, Any]) -> Any:
    return next((part[key] for key in ("value", "tool_call", "text") if key in part), None)


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise BadRowError(f"a content part is not text but {type(part).__name__}")
    if _kind(part) not in ("text", *THOUGHTS):
        raise BadRowError(f"a content part of the type {part['type']!r} is not text")
    return text_of(part, next((key for key in ("text", _kind(part)) if key in part), "value"))
