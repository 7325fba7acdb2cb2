"""Kind ``tokens``: conversations as token ids, packed into rows of the training batch, one Parquet file per split.

``train.parquet``, ``validation.parquet``, ``test.parquet``: columns `TOKENS_SCHEMA`; a split without rows is there too.
``dropped.parquet``: the examples that were left out, columns `danlu.artifacts.examples.DROPPED_SCHEMA`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

TOKENS_SCHEMA = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),  # a row of the batch, not padded
        ("supervised", pa.list_(pa.bool_())),  # True where this very token is a prediction target
        ("document_lengths", pa.list_(pa.int32())),  # tokens of each example in the row, in order; sums to the row
        ("example_ids", pa.list_(pa.string())),  # which examples those are
    ]
)

MAXIMUM_TOKENS_PER_GROUP = 2**26
"""Tokens in one Parquet row group; keeps the 32-bit list offsets of Arrow far from overflowing."""


@dataclass(frozen=True)
class PackedRow:
    """One row of the batch: views into `PackedRows`, not copies."""

    input_ids: npt.NDArray[np.int32]
    """Shape (row_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (row_tokens,)."""
    document_lengths: npt.NDArray[np.int32]
    """Shape (row_documents,); sums to row_tokens."""


@dataclass(frozen=True, eq=False)
class PackedRows:
    """All rows of one split as flat arrays. Row i is ``[offsets[i]:offsets[i + 1]]`` of each."""

    input_ids: npt.NDArray[np.int32]
    """Shape (num_tokens,): the rows one after another."""
    supervised: npt.NDArray[np.bool_]
    """Shape (num_tokens,): True where this very token is a prediction target. Never the first token of a document."""
    document_lengths: npt.NDArray[np.int32]
    """Shape (num_documents,), in tokens."""
    example_ids: list[str]
    """Length num_documents."""
    row_offsets: npt.NDArray[np.int64]
    """Shape (num_rows + 1,): where each row begins in `input_ids` and `supervised`."""
    document_offsets: npt.NDArray[np.int64]
    """Shape (num_rows + 1,): where each row begins in `document_lengths` and `example_ids`."""

    @classmethod
    def read(cls, directory: Path, split: str) -> PackedRows:
        """Read one split of an artifact."""
        table = pq.read_table(directory / f"{split}.parquet", schema=TOKENS_SCHEMA)
        return cls(
            input_ids=_flat(table["input_ids"]).to_numpy(zero_copy_only=False),
            supervised=_flat(table["supervised"]).to_numpy(zero_copy_only=False),
            document_lengths=_flat(table["document_lengths"]).to_numpy(zero_copy_only=False),
            example_ids=_flat(table["example_ids"]).to_pylist(),
            row_offsets=_offsets(table["input_ids"]),
            document_offsets=_offsets(table["document_lengths"]),
        )

    def write(self, directory: Path, split: str) -> None:
        """Write these rows as one split of an artifact."""
        longest = int(np.diff(self.row_offsets).max(initial=1))
        rows_per_group = max(1, MAXIMUM_TOKENS_PER_GROUP // longest)
        with pq.ParquetWriter(directory / f"{split}.parquet", TOKENS_SCHEMA) as writer:
            for first in range(0, self.num_rows, rows_per_group):
                writer.write_table(self._table(first, min(first + rows_per_group, self.num_rows)))

    def _table(self, first: int, end: int) -> pa.Table:
        """Rows ``first`` to ``end`` as an Arrow table."""
        rows = self.row_offsets[first : end + 1]
        documents = self.document_offsets[first : end + 1]
        columns = [
            _lists(rows, self.input_ids[rows[0] : rows[-1]], pa.int32()),
            _lists(rows, self.supervised[rows[0] : rows[-1]], pa.bool_()),
            _lists(documents, self.document_lengths[documents[0] : documents[-1]], pa.int32()),
            _lists(documents, self.example_ids[documents[0] : documents[-1]], pa.string()),
        ]
        return pa.Table.from_arrays(columns, schema=TOKENS_SCHEMA)

    @property
    def num_rows(self) -> int:
        return len(self.row_offsets) - 1

    @property
    def num_documents(self) -> int:
        return len(self.document_lengths)

    @property
    def num_tokens(self) -> int:
        return len(self.input_ids)

    @property
    def num_supervised(self) -> int:
        """How many tokens are prediction targets."""
        return int(np.count_nonzero(self.supervised))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of everything the rows hold; independent of how Parquet compressed it."""
        digest = hashlib.sha256()
        digest.update(self.row_offsets.astype("<i8").tobytes())
        digest.update(self.document_offsets.astype("<i8").tobytes())
        digest.update(self.input_ids.astype("<i4").tobytes())
        digest.update(self.document_lengths.astype("<i4").tobytes())
        digest.update(np.packbits(self.supervised).tobytes())
        digest.update("\n".join(self.example_ids).encode())
        return digest.hexdigest()

    def row(self, index: int) -> PackedRow:
        """Row `index`, without copying."""
        tokens = slice(self.row_offsets[index], self.row_offsets[index + 1])
        documents = slice(self.document_offsets[index], self.document_offsets[index + 1])
        return PackedRow(self.input_ids[tokens], self.supervised[tokens], self.document_lengths[documents])


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[np.generic] | list[str], kind: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets - offsets[0], pa.int32()), pa.array(values, kind))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """The values of a list column, one after another."""
    chunks = [chunk.flatten() for chunk in column.chunks]
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type.value_type)


def _offsets(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Where each list of a list column begins in its flat values, and where the last one ends."""
    lengths = [chunk.value_lengths().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum(dtype=np.int64)
