"""One pass over all rows that stayed: of each some numbers are held, of its text nothing.

Held are about 40 bytes a row, so a corpus of ten million documents takes 400 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.corpus import list_shards
from danlu.artifacts.splits import SPLITS
from danlu.corpus.inspecting.subject import Subject

ROWS_AT_ONCE = 8192
DAMAGED = "\ufffd|锟斤拷|烫烫烫|屯屯屯|Ã[\u0080-\u00bf©¨§¤¶¼]|â€[™œ\u009d“”]"
"""What remains of text that was decoded as what it is not: the sign for a lost character, and what UTF-8 read as
GB18030, uninitialised memory, and UTF-8 read as Windows-1252 look like."""
ID_DIGITS = 16

Ids = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Rows:
    """A number for each row in each array, in the order of the splits and within them of the sources."""

    ids: Ids
    split: npt.NDArray[np.int8]
    """Place in `SPLITS`."""
    source: npt.NDArray[np.int32]
    """Place in `sources`."""
    characters: npt.NDArray[np.int32]
    num_bytes: npt.NDArray[np.int32]
    """In UTF-8."""
    damaged: npt.NDArray[np.bool_]
    """Whether the text shows signs of a wrong encoding."""
    label: npt.NDArray[np.int32]
    """Place in `labels`; -1 for none."""
    score: npt.NDArray[np.float64]
    """nan for none."""
    sources: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(subject: Subject) -> Rows:
    """Of all splits."""
    coded = {"source": _Coded(), "label": _Coded()}
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _TYPES}
    for side, split in enumerate(SPLITS):
        for batch in text_batches(subject, split):
            text = batch.column("text")
            found["ids"].append(ids_of(batch.column("id")))
            found["split"].append(np.full(batch.num_rows, side, np.int8))
            found["source"].append(coded["source"].codes(batch.column("source")))
            found["label"].append(coded["label"].codes(batch.column("label")))
            found["score"].append(numbers_of(batch.column("score")))
            found["characters"].append(numbers_of(pc.utf8_length(text)))
            found["num_bytes"].append(numbers_of(pc.binary_length(text)))
            found["damaged"].append(pc.match_substring_regex(text, DAMAGED).to_numpy(zero_copy_only=False))
    columns = {
        name: np.concatenate(arrays).astype(_TYPES[name]) if arrays else np.zeros(0, _TYPES[name])
        for name, arrays in found.items()
    }
    return Rows(**columns, sources=coded["source"].names, labels=coded["label"].names)


_TYPES: dict[str, Any] = {
    "ids": np.uint64,
    "split": np.int8,
    "source": np.int32,
    "characters": np.int32,
    "num_bytes": np.int32,
    "damaged": np.bool_,
    "label": np.int32,
    "score": np.float64,
}


def text_batches(subject: Subject, split: str) -> Iterator[pa.RecordBatch]:
    """Columns ``id, text, source, row, label, score`` of one split, some thousand rows at a time; of a conversation,
    the text is what all turns say."""
    for path in split_files(subject, split):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE):
                yield batch if subject.kind == "corpus" else _as_documents(batch)


def split_files(subject: Subject, split: str) -> list[Path]:
    """In order."""
    if subject.kind == "corpus":
        return list_shards(subject.directory, split)
    return [path] if (path := subject.directory / f"{split}.parquet").exists() else []


def ids_of(column: pa.Array) -> Ids:
    """16 hex digits each as a number; 0 for what has no id."""
    usual = pc.fill_null(pc.equal(pc.binary_length(column), ID_DIGITS), False)
    filled = pc.if_else(usual, column, "0" * ID_DIGITS)
    joined = "".join(filled.to_pylist()) if len(filled) else ""
    return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64)


def id_text(number: int) -> str:
    """As it stands in the artifact."""
    return f"{number:0{ID_DIGITS}x}"


def numbers_of(column: pa.Array) -> npt.NDArray[Any]:
    """As numpy has them; nan for null."""
    if column.null_count:
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def texts_with_ids(subject: Subject, wanted: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The rows with these ids that stayed: columns as of `text_batches`, and ``split``."""
    found: dict[int, dict[str, Any]] = {}
    if not wanted:
        return found
    values = pa.array([id_text(each) for each in wanted])
    for split in SPLITS:
        for batch in text_batches(subject, split):
            rows = batch.filter(pc.is_in(batch.column("id"), values)).to_pylist()
            found |= {int(row["id"], 16): {**row, "split": split} for row in rows}
    return found


def _as_documents(batch: pa.RecordBatch) -> pa.RecordBatch:
    messages = batch.column("messages")
    contents = pc.fill_null(pc.struct_field(messages.flatten(), "content"), "")
    offsets = pc.subtract(messages.offsets, messages.offsets[0])
    text = pc.binary_join(pa.ListArray.from_arrays(offsets, contents), "\n")
    columns = {
        "id": batch.column("id"),
        "text": text,
        "source": batch.column("source"),
        "row": batch.column("row"),
        "label": pa.nulls(batch.num_rows, pa.string()),
        "score": pa.nulls(batch.num_rows, pa.float64()),
    }
    return pa.RecordBatch.from_pydict(columns)


class _Coded:
    """Words as numbers, in the order in which they come."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        return list(self._codes)

    def codes(self, column: pa.Array) -> npt.NDArray[np.int32]:
        encoded = column.dictionary_encode()
        own = [self._codes.setdefault(word, len(self._codes)) for word in encoded.dictionary.to_pylist()]
        places = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False))
        return np.asarray(np.append(np.array(own, np.int32), np.int32(-1))[places], np.int32)
