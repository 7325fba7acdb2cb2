"""What a conversation is, and why a row is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from danlu.corpus.item import id_of, key_of, normalise
from danlu.corpus.splitting.marking import NO_MARK, Mark

Message = dict[str, str]
"""``{"role": "system" | "user" | "assistant" | "tool", "content": text}``"""

FOLLOWERS = {
    None: ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}
"""Which roles may follow a role; None is the beginning."""


class BadRowError(Exception):
    """A row that is left out. The message is the reason; rows with the same reason are counted together."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Draft:
    """Turns that may become a conversation."""

    messages: list[Message]
    row: Any
    """That they were read from."""
    mark: Mark = NO_MARK

    @property
    def num_characters(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


@dataclass(frozen=True)
class Example:
    """A conversation that passed; an `danlu.corpus.item.Item`."""

    key: bytes
    messages: list[Message]
    normalised: str
    """Roles and contents after NFKC, white space run together; case is kept. Equal for exact duplicates."""

    @classmethod
    def of(cls, messages: list[Message]) -> Example:
        normalised = json.dumps([[m["role"], normalise(m["content"])] for m in messages], ensure_ascii=False)
        return cls(key_of(normalised), messages, normalised)

    @property
    def id(self) -> str:
        return id_of(self.key)

    @property
    def comparable(self) -> str:
        return comparable_of(self.messages)


def comparable_of(messages: list[Message]) -> str:
    """What near duplicates have nearly in common. System prompts do not count: they are often shared by all rows."""
    turns = (normalise(message["content"]) for message in messages if message["role"] != "system")
    return "\n".join(turns).lower()


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
        if not message["content"]:
            raise BadRowError(f"an empty {role} turn")
        try:
            message["content"].encode()
        except UnicodeEncodeError:
            raise BadRowError("it holds half a surrogate pair, which is no character") from None
        previous = role
    if previous != "assistant":
        raise BadRowError(f"it ends with {previous}, not with the assistant")
