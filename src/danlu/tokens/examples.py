"""Examples -> token ids, packed into rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from danlu.artifacts.dropped import write_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.tokens import write_index, write_shard
from danlu.errors import UserError
from danlu.models.chat import ChatRenderer, ensure_chat_template
from danlu.telemetry.reporter import Reporter
from danlu.tokens.config import TokenizeConfig
from danlu.tokens.documents import Document, DocumentMaker
from danlu.tokens.packing import PACKINGS


def tokenize_examples(
    config: TokenizeConfig, tokenizer: Any, directory: Path, reporter: Reporter, out: Path
) -> dict[str, Any]:
    """Render, tokenise, pack and write every split of the examples in `directory`; returns facts.

    Raises:
        UserError: an example is too long and may not be, or there is nothing to learn from.
    """
    if note := ensure_chat_template(tokenizer):
        reporter.warn(note)
    maker = DocumentMaker(ChatRenderer(tokenizer), config.length, config.overlong)
    splits = {split: _documents(maker, directory, split, reporter) for split in SPLITS}
    _check_something_to_train_on(splits["train"], maker)
    _report(maker, reporter)
    for split, documents in splits.items():
        _write(config, out / split, documents, len(tokenizer))
    write_dropped(out, maker.dropped)
    return {
        "num_dropped": len(maker.dropped),
        "dropped_by_reason": dict(maker.dropped_by_reason.most_common()),
        "num_truncated": maker.num_truncated,
        "end_of_turn_trained": _end_of_turn_trained(maker),
    }


def _documents(maker: DocumentMaker, directory: Path, split: str, reporter: Reporter) -> list[Document]:
    examples = read_examples(directory, split)
    with reporter.progress(f"tokenising {split}", len(examples), "examples") as task:
        return maker.make(examples, task)


def _write(config: TokenizeConfig, folder: Path, documents: list[Document], vocabulary_size: int) -> None:
    """Pack the documents into rows and write them in the order of the rows."""
    lengths = np.array([len(document.input_ids) for document in documents], np.int64)
    rows = PACKINGS[config.packing](lengths, config.length)
    ordered = [documents[index] for row in rows for index in row]
    folder.mkdir()
    ids = np.concatenate([np.zeros(0, np.int32), *(document.input_ids for document in ordered)])
    write_shard(folder, 0, ids, vocabulary_size)
    write_index(
        folder,
        np.array([len(document.input_ids) for document in ordered], np.int64),
        pa.table(
            {
                "id": pa.array([document.example_id for document in ordered], pa.string()),
                "source": pa.array([document.source for document in ordered], pa.string()),
                "row": pa.array([document.row for document in ordered], pa.int64()),
            }
        ),
        supervised=np.concatenate([np.zeros(0, np.bool_), *(document.supervised for document in ordered)]),
        row_offsets=np.cumsum([0, *map(len, rows)], dtype=np.int64),
    )


def _check_something_to_train_on(train: list[Document], maker: DocumentMaker) -> None:
    if train:
        return
    reasons = "; ".join(f"{count:,} x {reason}" for reason, count in maker.dropped_by_reason.most_common(3))
    raise UserError(
        f"This trains on nothing: the training split has no token to learn from ({reasons or 'it has no examples'}).",
        "Raise 'length' if the examples are too long; otherwise look at the examples and at the model's chat template.",
    )


def _end_of_turn_trained(maker: DocumentMaker) -> bool:
    """Whether every example that was not cut teaches the model to stop."""
    return maker.num_ended > 0 and maker.num_not_ended == 0


def _report(maker: DocumentMaker, reporter: Reporter) -> None:
    for reason, count in maker.dropped_by_reason.most_common():
        reporter.warn(f"{count:,} examples left out: {reason}.")
    for note, count in maker.notes.most_common():
        reporter.warn(f"{count:,} examples: {note}.")
    if maker.num_pairs:
        reporter.say(
            f"Of {maker.num_pairs:,} pairs the chosen answers are learnt from; the rejected ones are not used."
        )
    if maker.num_truncated:
        reporter.warn(
            f"{maker.num_truncated:,} examples were cut to {maker.length} tokens; "
            "they lose their end of turn and do not teach the model to stop."
        )
    if maker.num_not_ended:
        reporter.warn(
            f"In {maker.num_not_ended:,} examples the end of turn is not trained: "
            "the chat template closes the assistant's turn with no token of its own, so the model may never stop."
        )
