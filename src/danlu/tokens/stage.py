"""``do: tokenize``: examples and a tokenizer -> kind ``tokens``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.examples import SPLITS, read_examples, write_dropped
from danlu.artifacts.stage import Estimate, StageContext
from danlu.artifacts.tokens import PackedRows
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness
from danlu.models.chat import ChatRenderer, ensure_chat_template
from danlu.models.load import load_tokenizer
from danlu.telemetry.reporter import Reporter
from danlu.tokens.config import TokenizeConfig
from danlu.tokens.documents import Document, DocumentMaker
from danlu.tokens.facts import describe_rows
from danlu.tokens.packing import PACKINGS

KIND = "tokens"
VERSION = 1
PREPARES = True

# Measured with SmolLM2's tokenizer on 1,000 and 100,000 rows of English instructions: importing transformers and
# loading the tokenizer, then what each character adds.
BASE_SECONDS = 4.0
SECONDS_PER_CHARACTER = 1.5e-6
BASE_MEMORY_BYTES = 480 * 2**20
MEMORY_PER_CHARACTER = 7
DISK_PER_CHARACTER = 0.5
CHARACTERS_PER_TOKEN = 4


def plan(config: TokenizeConfig, context: StageContext) -> Estimate:
    """From the number of characters of the examples alone."""
    characters = context.input("data").facts.get("num_characters", 0)
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + characters * SECONDS_PER_CHARACTER),
        peak_memory_bytes=BASE_MEMORY_BYTES + characters * MEMORY_PER_CHARACTER,
        disk_bytes=int(characters * DISK_PER_CHARACTER),
        notes=[f"packs about {characters / CHARACTERS_PER_TOKEN:,.0f} tokens into rows of {config.length}"],
        facts={"length": config.length},
    )


def run(config: TokenizeConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Load the tokenizer, make documents, pack them, write."""
    data, reporter = context.input("data"), context.reporter
    if data.part is not None:
        raise UserError(
            f"data: {data.name}.{data.part} is one split, but all are tokenised.", f"Write 'data: {data.name}'."
        )
    directory = context.input("tokenizer").path
    _check_length(config.length, directory)
    tokenizer = load_tokenizer(directory)
    if note := ensure_chat_template(tokenizer):
        reporter.warn(note)
    maker = DocumentMaker(ChatRenderer(tokenizer), config.length, config.overlong)
    splits = {split: _pack(config, _documents(maker, data.path, split, reporter)) for split in SPLITS}
    _check_something_to_train_on(splits["train"], maker)
    _report(maker, reporter)
    for split, rows in splits.items():
        rows.write(out, split)
    write_dropped(out, maker.dropped)
    return {
        "length": config.length,
        **describe_rows(splits, config.length),
        "num_dropped": len(maker.dropped),
        "dropped_by_reason": dict(maker.dropped_by_reason.most_common()),
        "num_truncated": maker.num_truncated,
        "end_of_turn_trained": _end_of_turn_trained(maker),
        "vocabulary_size": len(tokenizer),
    }


def _check_length(length: int, directory: Path) -> None:
    """A model has no positions behind its context. A tokenizer that comes without a model has no such limit."""
    path = directory / "config.json"
    if not path.is_file():
        return
    model_config = json.loads(path.read_text(encoding="utf-8"))
    nested = model_config.get("text_config") or {}
    context_length = model_config.get("max_position_embeddings", nested.get("max_position_embeddings"))
    if context_length is not None and length > context_length:
        raise UserError(
            f"length: {length} tokens are more than the {context_length} the model has positions for.",
            f"Set 'length' to {context_length} or less.",
        )


def _documents(maker: DocumentMaker, directory: Path, split: str, reporter: Reporter) -> list[Document]:
    examples = read_examples(directory, split)
    with reporter.progress(f"tokenising {split}", len(examples), "examples") as task:
        return maker.make(examples, task)


def _pack(config: TokenizeConfig, documents: list[Document]) -> PackedRows:
    lengths = np.array([len(document.input_ids) for document in documents], np.int64)
    rows = PACKINGS[config.packing](lengths, config.length)
    ordered = [documents[index] for row in rows for index in row]
    document_offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    document_lengths = np.array([len(document.input_ids) for document in ordered], np.int32)
    token_offsets = np.concatenate([[0], np.cumsum(document_lengths, dtype=np.int64)])
    return PackedRows(
        input_ids=np.concatenate([np.zeros(0, np.int32), *(document.input_ids for document in ordered)]),
        supervised=np.concatenate([np.zeros(0, np.bool_), *(document.supervised for document in ordered)]),
        document_lengths=document_lengths,
        example_ids=[document.example_id for document in ordered],
        row_offsets=token_offsets[document_offsets],
        document_offsets=document_offsets,
    )


def _check_something_to_train_on(train: PackedRows, maker: DocumentMaker) -> None:
    if train.num_supervised:
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
