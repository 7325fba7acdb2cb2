"""Whoever looks for a person's words finds them wherever a conversation may hold them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.artifacts.examples import write_examples
from danlu.artifacts.splits import SPLITS
from danlu.registry.holders import texts_with


def row(number: int, answer: dict[str, Any], **besides: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", **answer}]
    return {"id": f"{number:016x}", "messages": messages, "source": "file:a", "row": number, **besides}


def found(directory: Path, needle: str) -> list[int]:
    artifact: Any = SimpleNamespace(path=directory, manifest=SimpleNamespace(kind="examples"), kind="examples")
    return [number for _, _, _, number, _ in texts_with(artifact, [needle])]


def test_all_that_a_conversation_holds_is_looked_through(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "ring", "arguments": {"whom": "Zoë 张三"}}}
    other = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "zoë 张三!"}]
    rows = [
        row(0, {"content": "Ask Zoë 张三."}),
        row(1, {"reasoning_content": "Zoë 张三, was it?"}),
        row(2, {"tool_calls": [call]}),
        row(3, {}, rejected=other),
        row(4, {}, tools=[{"type": "function", "function": {"name": "f", "description": "Of Zoë 张三"}}]),
        row(5, {}, desirable=True),
    ]
    for split in SPLITS:
        write_examples(tmp_path, split, rows if split == "train" else [])
    assert found(tmp_path, "zoë 张三") == [0, 1, 2, 3, 4]


def test_older_examples_are_looked_through(tmp_path: Path) -> None:
    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema([("id", pa.string()), ("messages", turns), ("source", pa.string()), ("row", pa.int64())])
    table = pa.Table.from_pylist([row(number, {"content": f"it is {number}"}) for number in range(3)], schema)
    for split in SPLITS:
        pq.write_table(table if split == "test" else table.slice(0, 0), tmp_path / f"{split}.parquet")
    assert found(tmp_path, "is 1") == [1]
