"""What a conversation is, and why a row is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from danlu.artifacts.examples import Message, as_json, restored_messages, stored_messages
from danlu.corpus.item import id_of, key_of, normalise
from danlu.corpus.splitting.marking import NO_MARK, Mark

FOLLOWERS = {
    None: ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}
"""Which roles may follow a role; None is the beginning."""
NOT_PROSE = ("name", "type", "required")
"""Keys of a tool's description under which nothing is written for people."""


class BadRowError(Exception):
    """A row that is left out. The message is the reason; rows with the same reason are counted together."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Conversation:
    """What a row says, not yet checked."""

    messages: list[Message]
    """Of a pair, with the better answer."""
    rejected: list[Message] | None = None
    """Of a pair, with the worse answer, from the beginning."""
    desirable: bool | None = None
    """Whether somebody called the answer good."""
    tools: list[dict[str, Any]] | None = None
    """Functions the assistant may call, as the OpenAI API has them."""

    @property
    def sides(self) -> Iterator[list[Message]]:
        """The conversation; of a pair, both."""
        yield self.messages
        if self.rejected is not None:
            yield self.rejected

    def map_texts(self, change: Callable[[str], str], *, numbers: bool = False) -> None:
        """Change every text in it that people may read, always in the same order; if asked for, numbers that are given
        to tools as well, which become text if they change."""
        for messages in self.sides:
            for message in messages:
                message["content"] = change(message["content"])
                if "reasoning_content" in message:
                    message["reasoning_content"] = change(message["reasoning_content"])
                for call in message.get("tool_calls", ()):
                    call["function"]["arguments"] = _changed(call["function"]["arguments"], change, numbers)
        if self.tools is not None:
            self.tools = _changed(self.tools, change, numbers, NOT_PROSE)


def _changed(value: Any, change: Callable[[str], str], numbers: bool, kept: Collection[str] = ()) -> Any:
    """The texts in a value from JSON, but for those under the keys that are kept."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(item, change, numbers, kept) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in kept and not isinstance(item, dict) else _changed(item, change, numbers, kept)
            for key, item in value.items()
        }
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        written = json.dumps(value)
        changed = change(written)
        return value if changed == written else changed
    return value


@dataclass(frozen=True)
class Draft:
    """What may become an example."""

    conversation: Conversation
    row: Any
    """That it was read from."""
    mark: Mark = NO_MARK

    @property
    def num_characters(self) -> int:
        return sum(len(message["content"]) for message in self.conversation.messages)


@dataclass(frozen=True)
class Example:
    """A conversation that passed; an `danlu.corpus.item.Item`."""

    key: bytes
    conversation: Conversation
    normalised: str
    """Roles and contents after NFKC, white space run together, case kept; and what there is besides, but for the label.
    So the same answer, called good and bad, comes to one side."""

    @classmethod
    def of(cls, conversation: Conversation) -> Example:
        whole: Any = _normalised(conversation.messages)
        if conversation.rejected is not None or conversation.tools is not None:
            whole = {"messages": whole, "tools": conversation.tools}
            if conversation.rejected is not None:
                whole["rejected"] = _normalised(conversation.rejected)
        normalised = json.dumps(whole, ensure_ascii=False)
        label = "" if conversation.desirable is None else f"\n{conversation.desirable}"
        return cls(key_of(normalised + label), conversation, normalised)

    @property
    def id(self) -> str:
        return id_of(self.key)

    @property
    def messages(self) -> list[dict[str, str | None]]:
        """As the artifact has them, and so `rejected` and `tools`."""
        return stored_messages(self.conversation.messages)

    @property
    def rejected(self) -> list[dict[str, str | None]] | None:
        return None if self.conversation.rejected is None else stored_messages(self.conversation.rejected)

    @property
    def desirable(self) -> bool | None:
        return self.conversation.desirable

    @property
    def tools(self) -> str | None:
        return as_json(self.conversation.tools)

    @property
    def comparable(self) -> str:
        return comparable_of(self.messages)


def _normalised(messages: list[Message]) -> list[Any]:
    found = []
    for message in messages:
        turn = [message["role"], normalise(message["content"])]
        rest = [message.get(key) for key in ("reasoning_content", "tool_calls")]
        found.append([*turn, *rest] if any(rest) else turn)
    return found


def example_of(row: Mapping[str, Any]) -> Example:
    """Of a row of examples, as the artifact has it."""
    rejected, tools = row.get("rejected"), row.get("tools")
    conversation = Conversation(
        restored_messages(row["messages"]),
        rejected if rejected is None else restored_messages(rejected),
        row.get("desirable"),
        tools if tools is None else json.loads(tools),
    )
    return Example.of(conversation)


def comparable_of(messages: list[dict[str, str | None]]) -> str:
    """What near duplicates have nearly in common, of messages as the artifact has them: what is said, and calls of
    tools. System prompts do not count: they are often shared by all rows."""
    turns = (
        f"{message['content']} {message.get('tool_calls') or ''}" for message in messages if message["role"] != "system"
    )
    return "\n".join(map(normalise, turns)).lower()


def text_of(row: dict[str, Any], key: str, *, required: bool = True) -> str:
    """A text field of a row, without white space at its ends; empty if it may be missing and is.

    Raises:
        BadRowError: it is missing or null but required, or it is no text.
    """
    if row.get(key) is None:
        if required:
            raise BadRowError(f"{key!r} is null" if key in row else f"{key!r} is missing")
        return ""
    if not isinstance(row[key], str):
        raise BadRowError(f"{key!r} is not text but {type(row[key]).__name__}")
    return str(row[key]).strip()


def check(conversation: Conversation) -> None:
    """See that there is something to learn from, of a pair on both sides.

    Raises:
        BadRowError: there is not.
    """
    check_conversation(conversation.messages)
    _check_characters(conversation.tools)
    if conversation.rejected is None:
        return
    try:
        check_conversation(conversation.rejected)
    except BadRowError as error:
        raise BadRowError(f"rejected: {error.reason}") from None
    better, worse = _normalised(conversation.messages), _normalised(conversation.rejected)
    if better == worse:
        raise BadRowError("chosen and rejected are the same")
    shared = next(
        (place for place, (one, other) in enumerate(zip(better, worse, strict=False)) if one != other),
        min(len(better), len(worse)),
    )
    if not any(turn[0] == "user" for turn in better[:shared]):
        raise BadRowError("chosen and rejected do not answer the same")


def check_conversation(messages: list[Message]) -> None:
    """See that a conversation can be learnt from: roles take turns, nobody is silent, the assistant has the last word.

    Raises:
        BadRowError: it cannot.
    """
    if not any(message["role"] == "assistant" for message in messages):
        raise BadRowError("there is no assistant turn")
    previous = None
    for message in messages:
        role = message["role"]
        if role not in FOLLOWERS[previous]:
            raise BadRowError(f"wrong order: {role} after {previous}" if previous else f"it begins with {role}")
        if not message["content"] and not message.get("tool_calls"):
            raise BadRowError(f"an empty {role} turn")
        _check_characters(message)
        previous = role
    if previous != "assistant":
        raise BadRowError(f"it ends with {previous}, not with the assistant")


def _check_characters(content: Any) -> None:
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRowError("it holds half a surrogate pair, which is no character") from None
