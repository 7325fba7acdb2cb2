"""The on-disk format of documents: what is written is read back in order, shard by shard, a row group at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import danlu.artifacts.corpus as corpus_format
from danlu.artifacts.corpus import DOCUMENT_SCHEMA, CorpusWriter, list_shards, read_documents, text_bytes
from danlu.artifacts.splits import SPLITS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DOCUMENT = st.fixed_dictionaries(
    {
        "id": st.integers(0, 2**64 - 1).map("{:016x}".format),
        "text": TEXT,
        "source": TEXT,
        "row": st.integers(0, 2**63 - 1),
        "label": st.none() | TEXT,
        "score": st.none() | st.floats(allow_nan=False),
        **dict.fromkeys(("title", "url", "date"), st.none() | TEXT),
    }
)
BATCHES = st.lists(st.tuples(st.sampled_from(SPLITS), st.lists(DOCUMENT, max_size=4)), max_size=8)


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, DOCUMENT_SCHEMA)


def document(text: str, row: int = 0) -> dict[str, Any]:
    nothing = dict.fromkeys(("label", "score", "title", "url", "date"))
    return {"id": f"{row:016x}", "text": text, "source": "file:a", "row": row, **nothing}


@given(BATCHES, st.integers(1, 60), st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    batches: list[tuple[str, list[dict[str, Any]]]],
    shard_bytes: int,
    group_bytes: int,
) -> None:
    monkeypatch.setattr(corpus_format, "ROW_GROUP_BYTES", group_bytes)
    directory = tmp_path_factory.mktemp("corpus")
    with CorpusWriter(directory, shard_bytes=shard_bytes) as writer:
        for split, rows in batches:
            writer.write(split, batch(rows))
    for split in SPLITS:
        written = [row for side, rows in batches if side == split for row in rows]
        assert [row for part in read_documents(directory, split) for row in part.to_pylist()] == written
        largest = max((text_bytes(batch(rows)) for side, rows in batches if side == split), default=0)
        shards = list_shards(directory, split)
        assert [path.name for path in shards] == [f"{split}-{number:05d}.parquet" for number in range(len(shards))]
        for path in shards:
            file = pq.ParquetFile(path)
            groups = [file.read_row_group(group).combine_chunks() for group in range(file.num_row_groups)]
            sizes = [sum(len(text.encode()) for text in group["text"].to_pylist()) for group in groups]
            assert sum(sizes) <= max(shard_bytes, largest)
            assert all(size < group_bytes + largest or size == largest for size in sizes)


def test_other_programs_see_plain_columns(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path) as writer:
        writer.write("train", batch([document("床前明月光", 3)]))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "test-00000.parquet",
        "train-00000.parquet",
        "validation-00000.parquet",
    ]
    for split, count in [("train", 1), ("validation", 0), ("test", 0)]:
        table = pq.read_table(tmp_path / f"{split}-00000.parquet")
        assert table.num_rows == count
        assert {field.name: str(field.type) for field in table.schema} == {
            "id": "string",
            "text": "string",
            "source": "string",
            "row": "int64",
            "label": "string",
            "score": "double",
            "title": "string",
            "url": "string",
            "date": "string",
        }


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, shard_bytes=1) as writer:
        for row in range(12):
            writer.write("train", batch([document("text", row)]))
    assert len(list_shards(tmp_path, "train")) == 12
    assert [part["row"][0].as_py() for part in read_documents(tmp_path, "train")] == list(range(12))


def test_bytes_are_those_of_utf_8() -> None:
    assert text_bytes(batch([document("丹炉"), document("ab")])) == 8
    assert text_bytes(batch([])) == 0


def test_after_a_failure_nothing_more_is_written(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with CorpusWriter(tmp_path) as writer:
            writer.write("train", batch([document("x")]))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    assert not list(tmp_path.iterdir())


def test_other_columns_are_refused(tmp_path: Path) -> None:
    wrong = pa.RecordBatch.from_pylist([{"text": "x"}])
    with pytest.raises(pa.ArrowInvalid), CorpusWriter(tmp_path) as writer:
        writer.write("train", wrong)
