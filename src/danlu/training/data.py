"""What a training stage reads: its sources, and the batches made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.hardware.machine import default_device
from danlu.models.load import load_tokenizer
from danlu.models.shapes import MULTIPLE_TOKENS
from danlu.models.tasks import check_task
from danlu.training.batches import BatchStream
from danlu.training.config import TrainConfig
from danlu.training.dropout import dropout_changes
from danlu.training.held_out import HeldOut
from danlu.training.objectives.objective import RowSettings
from danlu.training.objectives.table import OBJECTIVES, task_for
from danlu.training.ramps import ramp
from danlu.training.rows.curriculum import paced, scores_of
from danlu.training.rows.mixture import Deal, MixedRows
from danlu.training.rows.order import EpochOrder, seed_of_source
from danlu.training.rows.row import Rows, SourceRows
from danlu.training.rows.stairs import Stairs

SAME = ("tokenizer", "vocabulary_size", "length")
"""Facts in which the sources of a mixture must agree, as far as they say them."""


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
    model: Input
    """Is trained; it may not be made yet."""
    sources: list[Source]
    tokenizer: Artifact | None
    """What the tokens were made with, where the workspace still has it; for a plan whose model is not made."""

    @classmethod
    def open(cls, config: TrainConfig, context: StageContext) -> TrainingData:
        """Map the token stores.

        Raises:
            UserError: one has nothing to train on, or they do not go together, or not with the model or the objective.
        """
        model, inputs = context.input("model"), context.inputs["data"]
        _check_model(config, model.facts["config"], inputs[0].facts["length"])
        _check_they_agree(config, inputs)
        sources = _open_sources(config, inputs)
        _check_length_ramp(config, sources)
        return cls(config, model, sources, _tokenizer_of(inputs[0], context.store))

    @classmethod
    def of_model(cls, model: Input, config: TrainConfig, inputs: Sequence[Input], store: ArtifactStore) -> TrainingData:
        """What a model was trained on that is made already.

        Args:
            model: That was trained; its tokenizer is the one it was trained with.
            config: Its stage's.
            inputs: The tokens, in the stage's order.
            store: Where the tokenizer is.
        """
        return cls(config, model, _open_sources(config, inputs), _tokenizer_of(inputs[0], store))

    @property
    def length(self) -> int:
        """Tokens of a row, at most."""
        return int(self.sources[0].facts["length"])

    @property
    def has_one_length(self) -> bool:
        """Whether all rows have `length` tokens."""
        cut = all(source.store.row_offsets is None for source in self.sources)
        return cut and self.config.batch.length_ramp is None and not self.config.has_row_per_document

    @cached_property
    def model_changes(self) -> dict[str, Any]:
        """What data and settings put into the model's ``config.json``.

        Raises:
            UserError: the data lacks what the objective puts there, or the architecture has no dropout to set.
        """
        of_data = OBJECTIVES[self.config.objective].config(self.sources[0].facts)
        changed = {**self.model.facts["config"], **of_data}
        return {**of_data, **dropout_changes(changed, self.config.regularisation.dropout)}

    @property
    def model_config(self) -> dict[str, Any]:
        """Content of the ``config.json`` of the model that is trained."""
        return {**self.model.facts["config"], **self.model_changes}

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
        return BatchStream(
            self._rows.with_lengths(lengths),
            rows_per_batch=rows_per_step,
            rows_at_once=min(self.config.batch.rows_at_once, self.config.batch.rows),
            device=default_device(),
            seed=self.config.seed,
        )

    def held_out(self) -> HeldOut:
        """The validation rows of all sources, `rows_at_once` at a time; empty where there are none or nobody looks."""
        sources = [
            self._make_rows(source.validation, min(self.length, source.validation.num_tokens), self.config.seed)
            for source in self.sources
            if source.validation.num_tokens and self.config.validate_every_steps
        ]
        return HeldOut(sources, self.config.batch.rows_at_once, default_device())

    @cached_property
    def _rows(self) -> Rows:
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

    def _rows_of(self, source: Source, seed: int) -> SourceRows:
        curriculum = self.config.curriculum
        order = paced(seed, scores_of(source.store, curriculum), curriculum) if curriculum else None
        return self._make_rows(source.store, self.length, seed, order)

    def _make_rows(self, store: TokenStore, length: int, seed: int, order: EpochOrder | None = None) -> SourceRows:
        how = RowSettings(self.config, length, seed, order, tokenizer=lambda: self._tokenizer)
        return OBJECTIVES[self.config.objective].rows(store, how)

    @cached_property
    def _tokenizer(self) -> Any:
        if self.model.artifact is None and self.tokenizer is not None:
            return load_tokenizer(self.tokenizer.path)
        return load_tokenizer(self.model.path)


def _tokenizer_of(tokens: Input, store: ArtifactStore) -> Artifact | None:
    """The tokenizer, or model, that tokens were made with; None if it is gone."""
    parents = tokens.artifact.manifest.parents if tokens.artifact else []
    found = (store.find(parent.kind, parent.id) for parent in parents if parent.field == "tokenizer")
    return next(found, None)


def _open_store(config: TrainConfig, directory: Path, split: str) -> TokenStore:
    """The token ids of a split, with those supervised that the objective asks for."""
    return OBJECTIVES[config.objective].store(TokenStore.open(directory, split))


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


def _open_sources(config: TrainConfig, inputs: Sequence[Input]) -> list[Source]:
    stores = [_open_training_store(config, each.path) for each in inputs]
    weights = config.weights or [_size(config, store) for store in stores]
    return [
        Source(each.name, store, _open_store(config, each.path, "validation"), each.facts, weight)
        for each, store, weight in zip(inputs, stores, weights, strict=True)
    ]


def _size(config: TrainConfig, store: TokenStore) -> float:
    """In proportion to its rows in an epoch."""
    return float(store.num_documents if config.has_row_per_document else store.num_tokens)


def _check_model(config: TrainConfig, model_config: Mapping[str, Any], length: int) -> None:
    """See that the model is one for the objective, and has positions for such rows if it counts them."""
    task = task_for(config)
    check_task(model_config, task, f"objective: {config.objective}")
    positions = model_config.get("max_position_embeddings")
    if task != "causal_lm" and positions is not None and length > positions:
        raise UserError(
            f"The rows have up to {length} tokens, and the model has positions for {positions}.",
            f"Set 'length' to {positions} in the tokenize stage, or a larger 'context' where the model is initialized.",
        )


def _check_length_ramp(config: TrainConfig, sources: Sequence[Source]) -> None:
    settings = config.batch.length_ramp
    if settings is None:
        return
    packed = [each.name for each in sources if each.store.row_offsets is not None]
    if packed:
        raise UserError(
            f"batch.length_ramp cuts rows of other lengths, and those of {', '.join(packed)} were packed when the"
            " examples were tokenised.",
            "Leave it out, or let rows grow in number: batch.rows_ramp.",
        )
    length = sources[0].facts["length"]
    if settings.from_ >= length:
        raise UserError(
            f"batch.length_ramp.from ({settings.from_}) is not below the {length} tokens of a row.",
            f"Set it to less than {length}, or tokenise with a larger 'length'.",
        )


def _check_they_agree(config: TrainConfig, inputs: Sequence[Input]) -> None:
    first, *others = inputs
    same = (*SAME, "labels") if config.objective == "classification" else SAME
    for other in others:
        for fact in same:
            ours, theirs = first.facts.get(fact), other.facts.get(fact)
            if ours != theirs and None not in (ours, theirs):
                what = "tokenizers" if fact == "tokenizer" else f"{fact.replace('_', ' ')}s ({ours} and {theirs})"
                raise UserError(
                    f"data: {first.name} and {other.name} were tokenised with different {what}.",
                    f"Tokenise all sources of a mixture with the same {', '.join(same).replace('_', ' ')}.",
                )
