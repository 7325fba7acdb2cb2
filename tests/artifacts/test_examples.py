"""The on-disk format of conversations: what is written is read back, and other programs can read it too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.artifacts.examples import read_examples, write_examples
from danlu.artifacts.splits import SPLITS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda each: st.lists(each) | st.dictionaries(TEXT, each)
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": TEXT},
    optional={
        "reasoning_content": TEXT,
        "tool_calls": st.lists(st.fixed_dictionaries({"type": st.just("function"), "function": JSON}), max_size=2),
        "tool_call_id": TEXT,
        "name": TEXT,
    },
)
MESSAGES = st.lists(MESSAGE, max_size=4)
EXAMPLE = st.fixed_dictionaries(
    {
        "id": st.integers(0, 2**64 - 1).map("{:016x}".format),
        "messages": MESSAGES,
        "source": TEXT,
        "row": st.integers(0, 2**63 - 1),
    },
    optional={"rejected": MESSAGES, "desirable": st.booleans(), "tools": st.lists(JSON, max_size=2)},
)
few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)


@given(rows=st.lists(EXAMPLE, max_size=5))
@few
def test_examples_are_read_back_in_order(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_examples(tmp_path, "train", rows)
    assert read_examples(tmp_path, "train") == rows


def test_what_was_written_before_there_were_pairs_and_tools_is_read(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
            ("source", pa.string()),
            ("row", pa.int64()),
        ]
    )
    rows = [{"id": "0" * 16, "messages": [{"role": "user", "content": "你好"}], "source": "file:a", "row": 1}]
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "test.parquet")
    assert read_examples(tmp_path, "test") == rows


def test_splits_do_not_touch_each_other(tmp_path: Path) -> None:
    for number, split in enumerate(SPLITS):
        write_examples(tmp_path, split, [{"id": f"{number:016x}", "messages": [], "source": "file:a", "row": number}])
    assert [read_examples(tmp_path, split)[0]["row"] for split in SPLITS] == [0, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.parquet", "train.parquet", "validation.parquet"]


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_without_rows_has_its_columns(tmp_path: Path, split: str) -> None:
    write_examples(tmp_path, split, [])
    assert read_examples(tmp_path, split) == []
    schema = pq.read_schema(tmp_path / f"{split}.parquet")
    messages = (
        "list<element: struct<role: string, content: string, reasoning_content: string, tool_calls: string, "
        "tool_call_id: string, name: string>>"
    )
    assert {name: str(schema.field(name).type) for name in schema.names} == {
        "id": "string",
        "messages": messages,
        "rejected": messages,
        "desirable": "bool",
        "tools": "string",
        "source": "string",
        "row": "int64",
    }


def test_a_workspace_may_lie_in_a_directory_that_looks_like_a_partition(tmp_path: Path) -> None:
    directory = tmp_path / "row=7" / "lang=zh"
    directory.mkdir(parents=True)
    rows = [{"id": "0" * 16, "messages": [{"role": "user", "content": "你好"}], "source": "file:a", "row": 1}]
    write_examples(directory, "train", rows)
    assert read_examples(directory, "train") == rows


def test_a_value_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowException):
        write_examples(tmp_path, "train", [{"id": "0" * 16, "messages": [], "source": "file:a", "row": "one"}])
