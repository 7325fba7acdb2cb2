"""What a training stage reads: its sources, the batches made of them, and what is to be said about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.stage import Input
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.models.shapes import MULTIPLE_TOKENS
from danlu.training.batches import BatchStream
from danlu.training.config import CurriculumSettings, TrainConfig
from danlu.training.held_out import HeldOut
from danlu.training.ramps import ramp, ramp_steps
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.rows.curriculum import paced, scores_of
from danlu.training.rows.mixture import Deal, MixedRows
from danlu.training.rows.order import EpochOrder, seed_of_source
from danlu.training.rows.packed import PackedRows
from danlu.training.rows.stairs import Stairs

SAME = ("tokenizer", "vocabulary_size", "length")
"""Facts in which the sources of a mixture must agree, as far as they say them."""
MOST_USEFUL_EPOCHS = 4
"""Repeated up to four times, data is nearly as good as new (Muennighoff et al. 2023, arXiv:2305.16264)."""


@dataclass(frozen=True)
class Source:
    """One token store."""

    name: str
    store: TokenStore
    """Its training split."""
    validation: TokenStore
    facts: Mapping[str, Any]
    weight: float
    """Its share of the rows, next to those of the others."""


@dataclass(frozen=True)
class TrainingData:
    """All sources of a stage."""

    config: TrainConfig
    sources: list[Source]

    @classmethod
    def open(cls, config: TrainConfig, inputs: Sequence[Input]) -> TrainingData:
        """Map the token stores.

        Raises:
            UserError: one has nothing to train on, or they do not go together.
        """
        _check_they_agree(inputs)
        stores = [_open_training_store(config, each.path) for each in inputs]
        _check_length_ramp(config, inputs, stores)
        weights = config.weights or [float(store.num_tokens) for store in stores]
        return cls(
            config,
            [
                Source(each.name, store, _open_store(config, each.path, "validation"), each.facts, weight)
                for each, store, weight in zip(inputs, stores, weights, strict=True)
            ],
        )

    @property
    def length(self) -> int:
        """Tokens of a row, at most."""
        return int(self.sources[0].facts["length"])

    @property
    def has_one_length(self) -> bool:
        """Whether all rows have `length` tokens."""
        cut = all(source.store.row_offsets is None for source in self.sources)
        return cut and self.config.batch.length_ramp is None

    @property
    def fingerprint(self) -> str:
        """Of everything that is trained on."""
        found = [str(source.facts["fingerprint"]) for source in self.sources]
        return found[0] if len(found) == 1 else hashlib.sha256("|".join(found).encode()).hexdigest()

    @property
    def num_supervised(self) -> int:
        return sum(source.store.num_supervised for source in self.sources)

    @property
    def num_validation_tokens(self) -> int:
        return sum(source.validation.num_tokens for source in self.sources)

    def batches(self, num_steps: int) -> BatchStream:
        """What a run of `num_steps` steps reads."""
        settings = self.config.batch
        rows_per_step = ramp(settings.rows_ramp, settings.rows, num_steps)
        by_step = ramp(settings.length_ramp, self.length, num_steps, multiple=MULTIPLE_TOKENS)
        starts = [rows_per_step.before(int(step)) for step in by_step.starts]
        return self._stream(rows_per_step, Stairs(np.array(starts, np.int64), by_step.heights))

    def full_size(self) -> BatchStream:
        """Batches as they are when everything is grown."""
        return self._stream(Stairs.level(self.config.batch.rows), Stairs.level(self.length))

    def first_size(self) -> BatchStream | None:
        """Batches all as the first one, if something grows."""
        rows, length = self.config.batch.rows_ramp, self.config.batch.length_ramp
        if rows is None and length is None:
            return None
        return self._stream(
            Stairs.level(rows.from_ if rows else self.config.batch.rows),
            Stairs.level(length.from_ if length else self.length),
        )

    def _stream(self, rows_per_step: Stairs, lengths: Stairs) -> BatchStream:
        rows = self._rows
        return BatchStream(
            rows if isinstance(rows, PackedRows) else rows.with_lengths(lengths),
            rows_per_batch=rows_per_step,
            rows_at_once=min(self.config.batch.rows_at_once, self.config.batch.rows),
            device=default_device(),
        )

    def held_out(self) -> HeldOut:
        """The validation rows of all sources, `rows_at_once` at a time; empty where there are none."""
        sources = [
            self._make_rows(source.validation, min(self.length, source.validation.num_tokens), self.config.seed)
            for source in self.sources
            if source.validation.num_tokens
        ]
        return HeldOut(sources, self.config.batch.rows_at_once, default_device())

    @cached_property
    def _rows(self) -> PackedRows | ContiguousRows | MixedRows:
        """All as long as they may be."""
        seed = self.config.seed
        if len(self.sources) == 1:
            return self._rows_of(self.sources[0], seed)
        deal = Deal([source.weight for source in self.sources], seed)
        return MixedRows(
            {
                source.name: self._rows_of(source, seed_of_source(seed, number))
                for number, source in enumerate(self.sources)
            },
            deal,
        )

    def _rows_of(self, source: Source, seed: int) -> PackedRows | ContiguousRows:
        curriculum = self.config.curriculum
        order = paced(seed, scores_of(source.store, curriculum), curriculum) if curriculum else None
        return self._make_rows(source.store, self.length, seed, order)

    def _make_rows(
        self, store: TokenStore, length: int, seed: int, order: EpochOrder | None = None
    ) -> PackedRows | ContiguousRows:
        """The rows that examples were packed into, or rows of `length` tokens cut out of documents."""
        if store.row_offsets is not None:
            return PackedRows(store, seed, order)
        return ContiguousRows(store, length, seed, isolate_documents=self.config.isolate_documents, order=order)


def data_notes(data: TrainingData, batches: BatchStream, num_steps: int) -> list[str]:
    """What happens to the data, one line each."""
    num_tokens = batches.num_tokens(num_steps)
    num_documents = sum(source.store.num_documents for source in data.sources)
    epoch_tokens = batches.rows.epoch_tokens
    notes = [
        f"{num_steps} steps of {batches.rows_per_batch.last} rows: {num_tokens:,} tokens,"
        f" {num_tokens / epoch_tokens:.2f} passes over {epoch_tokens:,} tokens ({num_documents:,} documents)",
        f"{data.num_supervised / epoch_tokens:.0%} of the tokens are supervised",
    ]
    facts = [source.facts for source in data.sources if "end_of_turn_trained" in source.facts]
    if facts:
        trained = all(each["end_of_turn_trained"] for each in facts)
        notes[-1] += f"; end of turn trained: {'yes' if trained else 'NO'}"
        num_dropped, num_truncated = (
            sum(each.get(name, 0) for each in facts) for name in ("num_dropped", "num_truncated")
        )
        notes.append(f"while tokenising, {num_dropped} examples were dropped and {num_truncated} truncated")
    for name, settings, full in (
        ("rows in a step", data.config.batch.rows_ramp, batches.rows_per_batch.last),
        ("tokens in a row", data.config.batch.length_ramp, data.length),
    ):
        if settings:
            grown = ramp_steps(settings, num_steps)
            notes.append(f"{name} grow from {settings.from_} to {full} over the first {grown} steps")
    if data.config.curriculum:
        notes += _curriculum_notes(data.config.curriculum, num_tokens / epoch_tokens)
    if isinstance(batches.rows, MixedRows):
        notes += _mixture_notes(data, batches.rows.tokens_by_source(batches.num_rows(num_steps)))
    return notes


def _curriculum_notes(curriculum: CurriculumSettings, epochs: float) -> list[str]:
    """What is read in which order."""
    notes = [
        f"for {curriculum.epochs} epochs, documents come by {curriculum.by}, {curriculum.order}:"
        f" {curriculum.start:.0%} of them may come first, all after {curriculum.over:.0%} of the epoch"
    ]
    if epochs < curriculum.over:
        notes.append(
            f"Warning: training ends after {epochs:.2f} epochs, before the curriculum reaches its hardest documents"
        )
    return notes


def _mixture_notes(data: TrainingData, tokens_by_source: list[int]) -> list[str]:
    """How much is read of each source."""
    notes, all_tokens = [], sum(tokens_by_source)
    for source, tokens in zip(data.sources, tokens_by_source, strict=True):
        epochs = tokens / source.store.num_tokens
        note = f"{source.name}: {tokens:,} tokens ({tokens / all_tokens:.0%}), {epochs:.2f} passes over its own"
        if epochs > MOST_USEFUL_EPOCHS:
            note = f"Warning: {note}; beyond {MOST_USEFUL_EPOCHS}, little is learnt from a text read again"
        notes.append(note)
    return notes


def _open_store(config: TrainConfig, directory: Path, split: str) -> TokenStore:
    """The token ids of a split, with those supervised that the objective asks for."""
    store = TokenStore.open(directory, split)
    if config.objective == "language_model":
        return replace(store, supervised=None)
    if store.supervised is None:
        raise UserError(
            "objective: 'sft' learns the assistant's turns of conversations, and a corpus has none.",
            "Set 'objective: language_model' to learn every token.",
        )
    return store


def _open_training_store(config: TrainConfig, directory: Path) -> TokenStore:
    """The token ids that are trained on.

    Raises:
        UserError: there is nothing to train on.
    """
    store = _open_store(config, directory, "train")
    if store.num_supervised == 0:
        raise UserError(
            f"The train split has {store.num_tokens} tokens of which {store.num_supervised} are supervised.",
            "Training would learn nothing: give more data, a longer `length`, or a smaller validation and test share.",
        )
    return store


def _check_length_ramp(config: TrainConfig, inputs: Sequence[Input], stores: Sequence[TokenStore]) -> None:
    settings = config.batch.length_ramp
    if settings is None:
        return
    packed = [each.name for each, store in zip(inputs, stores, strict=True) if store.row_offsets is not None]
    if packed:
        raise UserError(
            f"batch.length_ramp cuts rows of other lengths, and those of {', '.join(packed)} were packed when the"
            " examples were tokenised.",
            "Leave it out, or let rows grow in number: batch.rows_ramp.",
        )
    length = inputs[0].facts["length"]
    if settings.from_ >= length:
        raise UserError(
            f"batch.length_ramp.from ({settings.from_}) is not below the {length} tokens of a row.",
            f"Set it to less than {length}, or tokenise with a larger 'length'.",
        )


def _check_they_agree(inputs: Sequence[Input]) -> None:
    first, *others = inputs
    for other in others:
        for fact in SAME:
            ours, theirs = first.facts.get(fact), other.facts.get(fact)
            if ours != theirs and None not in (ours, theirs):
                what = "tokenizers" if fact == "tokenizer" else f"{fact.replace('_', ' ')}s ({ours} and {theirs})"
                raise UserError(
                    f"data: {first.name} and {other.name} were tokenised with different {what}.",
                    "Tokenise all sources of a mixture with the same tokenizer and the same length.",
                )
