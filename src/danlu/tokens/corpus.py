"""Documents of a corpus -> token ids, a range of documents at a time.

What a range became is kept beside the run until all are done, so a killed run goes on with the range it was at. A
range is a shard of the store. Within a range the encoder uses every core, whether the text came from one file or many.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.store import sync_tree
from danlu.artifacts.tokens import DOCUMENTS_SCHEMA, write_index, write_shard
from danlu.models.frame import Frame
from danlu.telemetry.reporter import Reporter, Task
from danlu.tokens.encoder import Encoder
from danlu.tokens.word_starts import WordMarker, word_marker

RANGE_BYTES = 2**25
"""Bytes of text of a range, about; what a kill costs at most, and what is in memory at once."""
DONE = "done.json"


def tokenize_corpus(
    tokenizer: Any,
    directory: Path,
    num_characters: dict[str, int],
    reporter: Reporter,
    kept: Path,
    out: Path,
    *,
    words: Literal["chinese", "pre_tokenizer"] | None = None,
    classes: Sequence[str] = (),
) -> dict[str, Any]:
    """Tokenise and write every split of the corpus in `directory`; returns facts.

    Args:
        tokenizer: A transformers tokenizer.
        directory: Of the corpus.
        num_characters: By split, for the progress.
        reporter: Told how far it is.
        kept: Where finished ranges are kept; they are taken from there if a run before this one left some.
        out: Of the tokens.
        words: How words are found that are to be marked; None for no marks.
        classes: Of the documents' labels, where they have any.

    Raises:
        UserError: the training split has no document.
    """
    marker = word_marker(tokenizer, words) if words else None
    maker = _RangeMaker(Frame.of(tokenizer), Encoder(tokenizer, reporter), marker, classes, len(tokenizer))
    for split in SPLITS:
        (out / split).mkdir()
        with reporter.progress(f"tokenising {split}", num_characters.get(split, 0), "characters") as task:
            folders = [
                maker.make(kept / f"{split}-{number:05}", texts, task)
                for number, texts in enumerate(_ranges(directory, split))
            ]
        _assemble(folders, out / split, len(tokenizer))
    shutil.rmtree(kept, ignore_errors=True)
    names, frame = tokenizer.convert_ids_to_tokens, maker.frame
    facts = {"document_start": names(frame.start), "document_end": names(frame.end)}
    return {**facts, "labels": list(classes)} if classes else facts


def _ranges(directory: Path, split: str) -> Iterator[pa.Table]:
    """The documents of a split, some `RANGE_BYTES` at a time; always the same ones together."""
    batches: list[pa.RecordBatch] = []
    num_bytes = 0
    for batch in read_documents(directory, split):
        batches.append(batch)
        num_bytes += batch.column("text").nbytes
        if num_bytes >= RANGE_BYTES:
            yield pa.Table.from_batches(batches)
            batches, num_bytes = [], 0
    if batches:
        yield pa.Table.from_batches(batches)


@dataclass(frozen=True)
class _RangeMaker:
    """Makes ranges of documents into folders of arrays."""

    frame: Frame
    encoder: Encoder
    marker: WordMarker | None
    classes: Sequence[str]
    vocabulary_size: int

    def make(self, folder: Path, table: pa.Table, task: Task) -> Path:
        """One range, unless it is there already."""
        texts = table.column("text").to_pylist()
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._write(folder, texts, table)
            sync_tree(folder)
            (folder / DONE).write_text(json.dumps({"num_documents": len(texts)}), encoding="utf-8")
        task.advance(sum(map(len, texts)))
        return folder

    def _write(self, folder: Path, texts: list[str], table: pa.Table) -> None:
        ids, offsets = self.encoder.encode(texts)
        framed, lengths = self.frame.put_around(ids, offsets)
        write_shard(folder, 0, framed, self.vocabulary_size)
        np.save(folder / "lengths.npy", lengths, allow_pickle=False)
        if self.marker:
            inside, _ = self.frame.inside(offsets)
            marks = np.ones(len(framed), np.bool_)
            marks[inside] = self.marker(texts, ids, offsets)
            np.save(folder / "word_starts.npy", marks, allow_pickle=False)
        if self.classes:
            labels = pc.index_in(table.column("label"), pa.array(self.classes, pa.string()))
            np.save(folder / "labels.npy", labels.to_numpy().astype(np.int32), allow_pickle=False)
        if "score" in table.column_names and table.column("score").null_count == 0:
            np.save(folder / "scores.npy", table.column("score").to_numpy(), allow_pickle=False)
        pq.write_table(table.select(["id", "source", "row"]).cast(DOCUMENTS_SCHEMA), folder / "documents.parquet")


def _assemble(ranges: list[Path], folder: Path, vocabulary_size: int) -> None:
    """Take the ranges' tokens into the store and write what says where documents are."""

    def together(name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        parts = [np.load(one / f"{name}.npy", allow_pickle=False) for one in ranges]
        return np.concatenate([np.zeros(0, dtype), *parts])

    def if_there(name: str, dtype: type[np.generic]) -> npt.NDArray[Any] | None:
        return together(name, dtype) if ranges and (ranges[0] / f"{name}.npy").exists() else None

    tables = [DOCUMENTS_SCHEMA.empty_table(), *(pq.read_table(one / "documents.parquet") for one in ranges)]
    if not ranges:
        write_shard(folder, 0, np.zeros(0, np.int64), vocabulary_size)
    for number, one in enumerate(ranges):
        os.link(one / "tokens-00000.npy", folder / f"tokens-{number:05}.npy")
    write_index(
        folder,
        together("lengths", np.int64),
        pa.concat_tables(tables).unify_dictionaries(),
        word_starts=if_there("word_starts", np.bool_),
        labels=if_there("labels", np.int32),
        scores=if_there("scores", np.float64),
    )
