"""The list of rows that were left out: what is written is read back, and other programs can read it too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.artifacts.dropped import read_dropped, write_dropped

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DROPPED = st.fixed_dictionaries(
    {"id": TEXT, "source": TEXT, "row": st.integers(0, 2**63 - 1), "reason": TEXT, "text": TEXT}
)
few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)


@given(rows=st.lists(DROPPED, max_size=5))
@few
def test_dropped_rows_are_read_back_in_order(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_dropped(tmp_path, rows)
    assert read_dropped(tmp_path) == rows


def test_dropped_has_its_columns(tmp_path: Path) -> None:
    write_dropped(tmp_path, [])
    schema = pq.read_schema(tmp_path / "dropped.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("id", "string"),
        ("source", "string"),
        ("row", "int64"),
        ("reason", "string"),
        ("text", "string"),
    ]
