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

from danlu.corpus.duplicates.near import NUM_HASHES
from danlu.corpus.parts import Part
from danlu.corpus.working.part_files import ITEMS, PartFiles

BATCHES_OPEN = 64


class AllParts:
    """What work on all parts has left.

    Args:
        parts: In order.
        directories: Of each.
    """

    def __init__(self, parts: Sequence[Part], directories: Sequence[Path]) -> None:
        self.files = [PartFiles(directory) for directory in directories]
        self.offsets = _offsets(parts, self.files)
        """Of each part, for each source with a piece in it: how many rows of its file stand in earlier pieces."""
        self._sizes = [[batch.num_rows for batch in files.batches(["key_low"])] for files in self.files]
        self._batches = [(part, number) for part, sizes in enumerate(self._sizes) for number in range(len(sizes))]
        self._starts = np.cumsum([0, *(size for sizes in self._sizes for size in sizes)]).tolist()
        self._batch = lru_cache(BATCHES_OPEN)(self._open)

    @property
    def num_items(self) -> int:
        return int(self._starts[-1])

    @property
    def part_starts(self) -> list[int]:
        """Of each part, the number of its first item."""
        return list(itertools.accumulate(map(sum, self._sizes), initial=0))[:-1]

    def keys(self) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
        """The two halves of the keys of exact duplicates, part by part."""
        for files in self.files:
            yield files.numbers("key_high").astype(np.uint64), files.numbers("key_low").astype(np.uint64)

    def signatures(self) -> Iterator[npt.NDArray[np.uint32]]:
        """Of near duplicates, batch by batch: shape (items, 128)."""
        for files in self.files:
            for batch in files.batches(["signature"]):
                column = batch.column(0)
                values = np.frombuffer(column.buffers()[1], np.uint32)
                yield values.reshape(-1, NUM_HASHES)[column.offset : column.offset + len(column)]

    def numbers(self, column: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A column of numbers of all items."""
        return np.concatenate([np.zeros(0, dtype), *(files.numbers(column).astype(dtype) for files in self.files)])

    def words(self, column: str) -> pa.ChunkedArray:
        """A column of text of all items."""
        return pa.chunked_array(
            [batch.column(0) for files in self.files for batch in files.batches([column])], pa.string()
        )

    def true_row(self, row: int) -> int:
        """Of one item, the number of its row, counted from the beginning of its file."""
        return int(self.value(row, "row")) + self.offsets[self.part_of(row)][self.value(row, "source")]

    def value(self, row: int, column: str) -> Any:
        """Of one item."""
        number = bisect_right(self._starts, row) - 1
        return self._batch(number).column(column)[row - self._starts[number]].as_py()

    def part_of(self, row: int) -> int:
        """In which part an item stands."""
        return self._batches[bisect_right(self._starts, row) - 1][0]

    def close(self) -> None:
        """Let go of the files."""
        self._batch.cache_clear()

    def _open(self, number: int) -> pa.RecordBatch:
        part, within = self._batches[number]
        source = pa.memory_map(str(self.files[part].directory / ITEMS))
        return pa.ipc.open_file(source).get_batch(within)


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
