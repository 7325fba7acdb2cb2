"""``personal.parquet``: what was found of people, in the order of the sources, and what was done with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.corpus.personal.audit import AUDIT_SCHEMA
from danlu.corpus.working.all_parts import AllParts

NAME = "personal.parquet"


def write_audit(parts: AllParts, out: Path) -> dict[str, int]:
    """Write it; returns how often each kind was found, the most frequent first."""
    counts: Counter[str] = Counter()
    with pq.ParquetWriter(out / NAME, AUDIT_SCHEMA, compression="zstd") as writer:
        for files in parts.files:
            for batch in files.finds():
                writer.write_batch(batch)
                for counted in pc.value_counts(batch.column("kind")).to_pylist():
                    counts[counted["values"]] += counted["counts"]
    return dict(counts.most_common())
