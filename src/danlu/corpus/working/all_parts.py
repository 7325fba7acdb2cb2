"""The items of all parts, in order, as if they stood in one file."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.corpus.parts import Part
from danlu.corpus.working.part_files import ITEMS, PartFiles

BATCHES_OPEN = 16
"""What was looked at of them counts as memory of the process."""


class AllParts:
    """What work on all parts has left. Items of other artifacts, that these are compared with, stand before them.

    Args:
        parts: In order.
        directories: Of each.
        earlier: Directories with items of other artifacts.
        artifacts: Of each of these, which artifact it is from.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        directories: Sequence[Path],
        earlier: Sequence[Path] = (),
        artifacts: Sequence[str] = (),
    ) -> None:
        self.files = [PartFiles(directory) for directory in directories]
        """Of the parts."""
        self.offsets = _offsets(parts, self.files)
        """Of each part, for each source with a piece in it: how many rows of its file stand in earlier pieces."""
        self._artifacts = artifacts
        self._all_files = [*map(PartFiles, earlier), *self.files]
        self._sizes = [[batch.num_rows for batch in files.batches(["key_high"])] for files in self._all_files]
        self._batches = [(part, number) for part, sizes in enumerate(self._sizes) for number in range(len(sizes))]
        self._starts = np.cumsum([0, *(size for sizes in self._sizes for size in sizes)]).tolist()
        self._batch = lru_cache(BATCHES_OPEN)(self._open)

    @property
    def num_earlier(self) -> int:
        """Items of other artifacts: the first of these parts has this number."""
        return sum(map(sum, self._sizes[: len(self._artifacts)]))

    @property
    def num_items(self) -> int:
        """All together."""
        return int(self._starts[-1])

    @property
    def part_starts(self) -> list[int]:
        """Of each part, the number of its first item."""
        return list(itertools.accumulate(map(sum, self._sizes), initial=0))[len(self._artifacts) : -1]

    def behind(self, parts: Sequence[Part], earlier: Sequence[tuple[Path, str]]) -> AllParts:
        """The same behind items of other artifacts: of these, directories and which artifact each is from."""
        directories = [files.directory for files in self.files]
        return AllParts(parts, directories, [path for path, _ in earlier], [artifact for _, artifact in earlier])

    def keys(self) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
        """The two halves of the keys of exact duplicates, part by part."""
        for files in self._all_files:
            yield files.numbers("key_high").astype(np.uint64), files.numbers("key_low").astype(np.uint64)

    def all_signatures(self) -> Iterator[npt.NDArray[np.uint32]]:
        """Of near duplicates, batch by batch: shape (items, 128)."""
        for files in self._all_files:
            for batch in files.batches(["signature"]):
                yield _signatures(batch.column(0))

    def signatures(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Of some items, ascending: shape (items, 128)."""
        found = [_signatures(column) for column in self._columns(rows, "signature")]
        return np.concatenate(found) if found else _signatures(pa.array([], pa.binary(512)))

    def numbers(self, column: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A column of numbers of all items; zero for those of other artifacts."""
        before = np.zeros(self.num_earlier, dtype)
        return np.concatenate([before, *(files.numbers(column).astype(dtype) for files in self.files)])

    def words(self, column: str) -> pa.ChunkedArray:
        """A column of text of all items; null for those of other artifacts."""
        before = pa.nulls(self.num_earlier, pa.string())
        return pa.chunked_array(
            [before, *(batch.column(0) for files in self.files for batch in files.batches([column]))], pa.string()
        )

    def values(self, rows: npt.NDArray[np.int64], column: str) -> Iterator[Any]:
        """Of some items, ascending."""
        for values in self._columns(rows, column):
            yield from values.to_pylist()

    def offset_of(self, row: int, source: str) -> int:
        """What is to be added to the row of an item of a part, so that it counts from the beginning of its file."""
        return self.offsets[self._part_of(row)][source]

    def artifact_of(self, row: int) -> str | None:
        """The artifact that an item is from; None for those of the parts."""
        part = self._batches[bisect_right(self._starts, row) - 1][0]
        return self._artifacts[part] if part < len(self._artifacts) else None

    def close(self) -> None:
        """Let go of the files."""
        self._batch.cache_clear()

    def _part_of(self, row: int) -> int:
        return self._batches[bisect_right(self._starts, row) - 1][0] - len(self._artifacts)

    def _columns(self, rows: npt.NDArray[np.int64], column: str) -> Iterator[pa.Array]:
        """A column of some items, ascending, as they lie together in files."""
        numbers = np.searchsorted(self._starts, rows, side="right") - 1
        bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(rows)]
        for first, last in itertools.pairwise(bounds):
            if last > first:
                number = int(numbers[first])
                yield self._batch(number).column(column).take(pa.array(rows[first:last] - self._starts[number]))

    def _open(self, number: int) -> pa.RecordBatch:
        part, within = self._batches[number]
        source = pa.memory_map(str(self._all_files[part].directory / ITEMS))
        return pa.ipc.open_file(source).get_batch(within)


def _signatures(column: pa.FixedSizeBinaryArray) -> npt.NDArray[np.uint32]:
    """Shape (items, 128); a copy, since compiled loops take arrays that can be written to."""
    width = column.type.byte_width // 4
    buffer = column.buffers()[1] or b""
    return np.frombuffer(buffer, np.uint32).reshape(-1, width)[column.offset : column.offset + len(column)].copy()


def _offsets(parts: Sequence[Part], all_files: Sequence[PartFiles]) -> list[dict[str, int]]:
    """A file's pieces stand in neighbouring parts, or together in one."""
    read: dict[str, int] = {}
    found = []
    for part, files in zip(parts, all_files, strict=True):
        # A file may be read twice, if two sources name it.
        read |= {piece.file.uri: 0 for piece in part.pieces if not piece.start}
        found.append({piece.file.uri: read[piece.file.uri] for piece in part.pieces})
        for piece, num_rows in zip(part.pieces, files.notes.num_rows, strict=True):
            read[piece.file.uri] += num_rows
    return found
