"""Kind ``tokens``: documents as token ids, in files that are mapped into memory instead of read.

For each split a directory ``train``, ``validation``, ``test``; a split without documents is there too:

``tokens-00000.npy`` ...   token ids of all documents, one after another: uint16, or uint32 for large vocabularies
``documents.npy``          int64: where each document begins in them, and where the last one ends
``documents.parquet``      columns `DOCUMENTS_SCHEMA`, a row for each document
``scores.npy``             float64, one for each document: its score; if the corpus has scores
``supervised.npy``         bool, one for each token: whether it is a prediction target; examples only
``word_starts.npy``        bool, one for each token: whether a word begins with it; if words were asked for
``labels.npy``             int32, one for each document: the number of its class; if the corpus has labels
``rows.npy``               int64: with which document each row of the batch begins, and the number of documents;
                           examples only, whose rows are packed once and for all

and ``dropped.parquet``: the examples that were left out, see `danlu.artifacts.dropped`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DOCUMENTS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # of the example or the document of a corpus
        ("source", pa.dictionary(pa.int32(), pa.string())),  # URI of the file it came from
        ("row", pa.int64()),  # 0-based index in the file
    ]
)

HASHED_TOKENS = 2**24
"""Tokens that are hashed at a time, so that a large store is never in memory as a whole."""


def token_dtype(vocabulary_size: int) -> type[np.uint16 | np.uint32]:
    """The smallest dtype of a store that holds every id of a vocabulary."""
    return np.uint16 if vocabulary_size <= 2**16 else np.uint32


@dataclass(frozen=True, eq=False)
class TokenStore:
    """All documents of one split. Arrays may be mapped files; nothing is read before it is asked for."""

    shards: Sequence[npt.NDArray[Any]]
    """Token ids, uint16 or uint32: the documents one after another. A document may go on in the next shard."""
    document_offsets: npt.NDArray[np.int64]
    """Shape (num_documents + 1,): where each document begins, in tokens, and where the last one ends."""
    supervised: npt.NDArray[np.bool_] | None
    """Shape (num_tokens,): True where this very token is a prediction target. Never the first token of a document.
    None: every other token of a document is."""
    row_offsets: npt.NDArray[np.int64] | None
    """Shape (num_rows + 1,): with which document each row begins. None: rows are cut when they are needed."""
    word_starts: npt.NDArray[np.bool_] | None = None
    """Shape (num_tokens,): True where a word begins. None: nobody asked for words."""
    labels: npt.NDArray[np.int32] | None = None
    """Shape (num_documents,): the class of each document, as its place in the artifact's fact ``labels``."""
    scores: npt.NDArray[np.float64] | None = None
    """Shape (num_documents,): a number the source gave each. None: it gave none."""

    @classmethod
    def open(cls, directory: Path, split: str) -> TokenStore:
        """Map one split of an artifact."""
        folder = directory / split

        def optional(name: str) -> Any:
            return _map(folder / name) if (folder / name).exists() else None

        return cls(
            shards=[_map(path) for path in sorted(folder.glob("tokens-*.npy"))],
            document_offsets=_map(folder / "documents.npy"),
            supervised=optional("supervised.npy"),
            row_offsets=optional("rows.npy"),
            word_starts=optional("word_starts.npy"),
            labels=optional("labels.npy"),
            scores=optional("scores.npy"),
        )

    @property
    def num_documents(self) -> int:
        return len(self.document_offsets) - 1

    @property
    def num_tokens(self) -> int:
        return int(self.document_offsets[-1])

    @property
    def num_supervised(self) -> int:
        """How many tokens are prediction targets."""
        if self.supervised is not None:
            return int(np.count_nonzero(self.supervised))
        return self.num_tokens - self.num_documents

    @property
    def document_lengths(self) -> npt.NDArray[np.int64]:
        """Shape (num_documents,), in tokens."""
        return np.diff(self.document_offsets)

    def input_ids(self, start: int, end: int) -> npt.NDArray[np.int64]:
        """Shape (end - start,): the tokens from `start` up to, not including, `end`."""
        first = int(np.searchsorted(self._shard_offsets, start, side="right")) - 1
        parts = []
        while start < end:
            offset, until = int(self._shard_offsets[first]), min(end, int(self._shard_offsets[first + 1]))
            parts.append(self.shards[first][start - offset : until - offset])
            start, first = until, first + 1
        return np.concatenate(parts, dtype=np.int64) if parts else np.zeros(0, np.int64)

    @cached_property
    def _shard_offsets(self) -> npt.NDArray[np.int64]:
        return np.cumsum([0, *map(len, self.shards)], dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of everything the store holds; independent of shards and dtypes."""
        digest = hashlib.sha256()
        for offsets in (self.document_offsets, self.row_offsets):
            digest.update(b"" if offsets is None else np.asarray(offsets, "<i8").tobytes())
            digest.update(b"|")
        if self.labels is not None:
            digest.update(np.asarray(self.labels, "<i4").tobytes())
        if self.scores is not None:
            digest.update(b"scores" + np.asarray(self.scores, "<f8").tobytes())
        for start in range(0, self.num_tokens, HASHED_TOKENS):
            end = min(start + HASHED_TOKENS, self.num_tokens)
            digest.update(self.input_ids(start, end).astype("<u4").tobytes())
            for name, marks in ((b"", self.supervised), (b"words", self.word_starts)):
                if marks is not None:
                    digest.update(name + np.packbits(marks[start:end]).tobytes())
        return digest.hexdigest()


def write_shard(folder: Path, number: int, input_ids: npt.NDArray[Any], vocabulary_size: int) -> None:
    """Write one shard of a split."""
    np.save(folder / f"tokens-{number:05}.npy", input_ids.astype(token_dtype(vocabulary_size)), allow_pickle=False)


def write_index(
    folder: Path,
    document_lengths: npt.NDArray[np.integer],
    documents: pa.Table,
    *,
    supervised: npt.NDArray[np.bool_] | None = None,
    row_offsets: npt.NDArray[np.int64] | None = None,
    word_starts: npt.NDArray[np.bool_] | None = None,
    labels: npt.NDArray[np.int32] | None = None,
    scores: npt.NDArray[np.float64] | None = None,
) -> None:
    """Write everything of a split but its shards."""
    offsets = np.concatenate([[0], np.cumsum(document_lengths, dtype=np.int64)])
    np.save(folder / "documents.npy", offsets, allow_pickle=False)
    pq.write_table(documents.cast(DOCUMENTS_SCHEMA), folder / "documents.parquet")
    optional = {
        "supervised": supervised,
        "rows": row_offsets,
        "word_starts": word_starts,
        "labels": labels,
        "scores": scores,
    }
    for name, array in optional.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_places(directory: Path, split: str, ids: Sequence[str] | None = None) -> pa.Table:
    """Where the documents of a split came from, in their order.

    Args:
        directory: Of the artifact.
        split: Whose documents.
        ids: Only documents with these ids.

    Returns:
        Columns of `DOCUMENTS_SCHEMA`, ``row`` null in stores that were made before it was kept; and ``number``, int64:
        the document's place in the store. Empty if the split is not there.
    """
    path = directory / split / "documents.parquet"
    table = pq.read_table(path) if path.exists() else DOCUMENTS_SCHEMA.empty_table()
    if "row" not in table.column_names:
        table = table.append_column("row", pa.nulls(table.num_rows, pa.int64()))
    table = table.append_column("number", pa.array(range(table.num_rows), pa.int64()))
    return table if ids is None else table.filter(pc.is_in(table.column("id"), pa.array(ids, pa.string())))


def _map(path: Path) -> npt.NDArray[Any]:
    """A file as an array; an empty one cannot be mapped and is read."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode=None if _is_empty(path) else "r", allow_pickle=False)
    return array


def _is_empty(path: Path) -> bool:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return 0 in read(file)[0]
