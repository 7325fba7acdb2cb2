"""Tags as they are written and read: the rows stay in order whatever the batches."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danlu.artifacts.tags import NAME, PLACE_SCHEMA, ROWS_IN_GROUP, TagsWriter, read_tags, tag_names


def batch(first: int, num_rows: int) -> pa.RecordBatch:
    columns = [pa.array([f"{field.name}{row}" for row in range(first, first + num_rows)]) for field in PLACE_SCHEMA]
    columns[PLACE_SCHEMA.get_field_index("row")] = pa.array(range(first, first + num_rows))
    scores = pa.array([row / 7 if row % 3 else None for row in range(first, first + num_rows)], pa.float64())
    return pa.RecordBatch.from_arrays([*columns, scores], [*PLACE_SCHEMA.names, "text@1/score"])


@pytest.mark.parametrize("size", [1, 999, ROWS_IN_GROUP, 3 * ROWS_IN_GROUP + 1])
def test_rows_come_back_in_order(size: int, tmp_path: Path) -> None:
    whole = batch(0, size)
    with TagsWriter(tmp_path) as writer:
        for first in range(0, size, 1000):
            writer.write(whole.slice(first, 1000))
    assert pa.Table.from_batches(read_tags(tmp_path)).equals(pa.Table.from_batches([whole]))
    assert tag_names(tmp_path) == ["text@1/score"]
    assert pq.ParquetFile(tmp_path / NAME).num_row_groups == max(1, -(-size // (ROWS_IN_GROUP + 1000)))


def test_without_rows_there_is_no_file(tmp_path: Path) -> None:
    with TagsWriter(tmp_path):
        pass
    assert not (tmp_path / NAME).exists()
    assert tag_names(tmp_path) == []
    assert list(read_tags(tmp_path)) == []
