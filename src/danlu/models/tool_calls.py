"""What a chat template makes of tools, calls of them and thoughts; and what is given to one that does not know them.

Asked by rendering one conversation: what it does not write, it does not know, and would leave out without a word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PROBE_TOOL, PROBE_CALL, PROBE_THOUGHT = "danlu_tool_5d1c", "danlu_argument_8e20", "danlu-thought-31ab"
NO_CALLS = "calls of tools are written as JSON into the answer: the chat template knows none"
NO_TOOLS = "the model does not see which tools there are: the chat template knows none"
NO_THOUGHTS = "thoughts are left out: the chat template knows none"

Message = dict[str, Any]


@dataclass(frozen=True)
class Abilities:
    """What a chat template writes."""

    calls: bool
    """Calls that the assistant made."""
    tools: bool
    """Which tools there are."""
    thoughts: bool
    """What the assistant thought before its last answer."""


def abilities_of(tokenizer: Any) -> Abilities:
    """By what it renders for one conversation each."""
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}}
    tool = {"name": PROBE_TOOL, "description": "Looks something up.", "parameters": parameters}
    call = {"type": "function", "id": "danlu0001", "function": {"name": "look_up", "arguments": {"place": PROBE_CALL}}}
    asked: Message = {"role": "user", "content": "?"}
    called = [
        asked,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "look_up", "tool_call_id": "danlu0001", "content": "1"},
        {"role": "assistant", "content": "1"},
    ]
    thought = [asked, {"role": "assistant", "content": "!", "reasoning_content": PROBE_THOUGHT}]
    return Abilities(
        calls=PROBE_CALL in _rendered(tokenizer, called),
        tools=PROBE_TOOL in _rendered(tokenizer, [asked], [{"type": "function", "function": tool}]),
        thoughts=PROBE_THOUGHT in _rendered(tokenizer, thought),
    )


def fitted(
    messages: Sequence[Message], tools: list[dict[str, Any]] | None, abilities: Abilities
) -> tuple[list[Message], list[dict[str, Any]] | None, list[str]]:
    """Messages and tools as the template takes them, and what is to be said of it."""
    notes = []
    if tools and not abilities.tools:
        tools = None
        notes.append(NO_TOOLS)
    if not abilities.calls and any("tool_calls" in message for message in messages):
        messages = [written_out(message) for message in messages]
        notes.append(NO_CALLS)
    if not abilities.thoughts and any("reasoning_content" in message for message in messages):
        notes.append(NO_THOUGHTS)
    return list(messages), tools, notes


def written_out(message: Message) -> Message:
    """A message whose calls, if it has any, are part of its text: as JSON, one a line."""
    calls = [json.dumps(call["function"], ensure_ascii=False) for call in message.get("tool_calls", ())]
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**rest, "content": "\n".join(filter(None, [message["content"], *calls]))}


def plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Roles and texts alone, calls written out."""
    return [{key: written_out(message)[key] for key in ("role", "content")} for message in messages]


def needs_more_than_text(messages: Sequence[Message], tools: list[dict[str, Any]] | None) -> bool:
    """Whether there is something that not every template knows."""
    return bool(tools) or any("tool_calls" in message or "reasoning_content" in message for message in messages)


def _rendered(tokenizer: Any, messages: list[Message], tools: list[dict[str, Any]] | None = None) -> str:
    """Empty if the template refuses."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(messages, tools=tools, tokenize=False))
    except (TemplateError, TypeError, ValueError):
        return ""
