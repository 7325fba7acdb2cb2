"""Kind ``examples``: conversations, one Parquet file per split, and the rows that were left out with their reason.

``train.parquet``, ``validation.parquet``, ``test.parquet``: columns `EXAMPLE_SCHEMA`; artifacts made before there were
pairs, labels and tools lack those columns, and are read as if they were null.
``dropped.parquet``: see `danlu.artifacts.dropped`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.splits import SPLITS

Message = dict[str, Any]
"""``{"role": "system" | "user" | "assistant" | "tool", "content": text}``, and where there are any:
``reasoning_content`` (what the assistant thought before), ``tool_calls`` (``[{"type": "function", "function": {"name",
"arguments": {...}}}]``, as chat templates take them, perhaps with an ``id``), and of a tool's turn ``tool_call_id`` and
``name``. The content is empty where the assistant only calls tools."""

MESSAGES = pa.list_(
    pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.string()),
            ("reasoning_content", pa.string()),
            ("tool_calls", pa.string()),  # JSON
            ("tool_call_id", pa.string()),
            ("name", pa.string()),
        ]
    )
)
EXAMPLE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 16 hex digits of the SHA-256 of the normalised conversation
        ("messages", MESSAGES),  # of a pair, the conversation with the better answer
        ("rejected", MESSAGES),  # of a pair, the one with the worse answer, from its beginning; else null
        ("desirable", pa.bool_()),  # whether somebody called the answer good; null where nobody was asked
        ("tools", pa.string()),  # JSON: the functions the assistant may call, as the OpenAI API has them; or null
        ("source", pa.string()),  # URI
        ("row", pa.int64()),  # 0-based index in the source
    ]
)


class ExamplesWriter:
    """Writes conversations batch by batch. To be used as a context; when it is left, every split has its file.

    Args:
        directory: Of the artifact.
    """

    def __init__(self, directory: Path) -> None:
        self._files = {split: pq.ParquetWriter(directory / f"{split}.parquet", EXAMPLE_SCHEMA) for split in SPLITS}

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Append conversations, columns `EXAMPLE_SCHEMA`, to one split."""
        self._files[split].write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()


def write_examples(directory: Path, split: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write one split; rows as `read_examples` gives them."""
    stored = [
        {
            **row,
            "messages": stored_messages(row["messages"]),
            "rejected": stored_messages(row["rejected"]) if "rejected" in row else None,
            "tools": as_json(row.get("tools")),
        }
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(stored, EXAMPLE_SCHEMA), directory / f"{split}.parquet")


def read_examples(directory: Path, split: str) -> list[dict[str, Any]]:
    """Rows of one split: ``{"id", "messages": [Message], "source", "row"}``, and where they are not null ``rejected``
    (messages), ``desirable`` and ``tools`` (a list)."""
    found = []
    for row in pq.read_table(directory / f"{split}.parquet").to_pylist():
        row["messages"] = restored_messages(row["messages"])
        if row.get("rejected") is not None:
            row["rejected"] = restored_messages(row["rejected"])
        if row.get("tools") is not None:
            row["tools"] = json.loads(row["tools"])
        found.append({key: value for key, value in row.items() if value is not None})
    return found


def stored_messages(messages: Sequence[Message]) -> list[dict[str, str | None]]:
    """Messages with the types of their columns."""
    return [{**message, "tool_calls": as_json(message.get("tool_calls"))} for message in messages]


def restored_messages(stored: Sequence[dict[str, str | None]]) -> list[Message]:
    """The other way round."""
    found: list[Message] = [{key: text for key, text in message.items() if text is not None} for message in stored]
    for message in found:
        if "tool_calls" in message:
            message["tool_calls"] = json.loads(message["tool_calls"])
    return found


def as_json(content: Any) -> str | None:
    """None stays None."""
    return None if content is None else json.dumps(content, ensure_ascii=False)
