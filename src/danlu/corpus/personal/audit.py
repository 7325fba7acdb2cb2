"""The audit log: what was found where, and what was done. It holds no value, only keyed hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

AUDIT_SCHEMA = pa.schema(
    [
        ("document", pa.string()),  # its id
        ("kind", pa.string()),  # as in the table of kinds
        ("start", pa.int64()),  # first character in the text as it was
        ("length", pa.int64()),  # characters
        ("treatment", pa.string()),  # mask, hash or pseudonym
        ("value", pa.string()),  # keyed hash of the value as it is written canonically; null without a key
    ]
)


def audit_table(rows: Sequence[tuple[str, str, int, int, str, str | None]]) -> Any:
    """A pyarrow table of AUDIT_SCHEMA from rows of its columns."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in AUDIT_SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, AUDIT_SCHEMA, strict=True)], AUDIT_SCHEMA
    )
