"""The texts of held-out rows, of whatever kind they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.examples import read_examples

PARTS = ("validation", "test")
"""That are looked for where no part is named: what is held out."""


@dataclass(frozen=True)
class TextRow:
    """One row."""

    id: str
    text: str
    where: str
    """For people: the data and the part, for example ``rows.test``; or the file."""


def text_rows(directory: Path, kind: str, part: str, name: str) -> Iterator[TextRow]:
    """The rows of a part of a corpus or of examples."""
    if kind == "corpus":
        for batch in read_documents(directory, part):
            for row in batch.select(["id", "text"]).to_pylist():
                yield TextRow(row["id"], row["text"], f"{name}.{part}")
        return
    for row in read_examples(directory, part):
        yield TextRow(row["id"], conversation_text(row["messages"]), f"{name}.{part}")


def conversation_text(messages: list[dict[str, Any]]) -> str:
    """What is said in a conversation; system prompts do not count, which many share."""
    return "\n".join(message["content"] for message in messages if message["role"] != "system")
