"""What a trained model read at a step: its batch is a pure function of the tokens, so it is made once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from danlu.artifacts.stage import Input, as_given
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.models.flops import TrainingFlops
from danlu.training.batches import BatchStream
from danlu.training.budget import steps_of
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.rows.mixture import MixedRows
from danlu.training.rows.row import Row, SourceRows
from danlu.training.setup import weightless_trainable


@dataclass(frozen=True)
class ReadRow:
    """A row of a batch, and where it comes from."""

    tokens: Artifact
    """That it was read from."""
    row: Row
    positions: npt.NDArray[np.int64]
    """Shape (row_tokens,): where in the training split each token stands; -1 for one that was put in."""
    documents: npt.NDArray[np.int64]
    """Shape (row_tokens,): of which document of that split each is; -1 likewise."""


def _settings_of(model: Artifact) -> TrainConfig:
    """Where the recipe named stages, manifests have lists of ids, with their weights if they were given any."""
    settings = as_given(TrainConfig, model.manifest.settings)
    data = settings["data"]
    named = dict(data) if data and isinstance(data[0], list) else data
    return TrainConfig.model_validate({**settings, "do": "train", "model": settings["model"][0], "data": named})


@dataclass(frozen=True)
class ModelTrace:
    """The batches that a model was trained on."""

    model: Artifact
    tokens: list[Artifact]
    """The sources, in the stage's order."""
    data: TrainingData

    @classmethod
    def open(cls, model: Artifact, store: ArtifactStore) -> ModelTrace:
        """Of a model that a train stage made.

        Raises:
            UserError: it is none, or what it was trained on is gone.
        """
        if model.manifest.stage != "train":
            raise UserError(
                f"{model.manifest.name} ({model.kind} {model.id}) was not trained here ({model.manifest.stage}).",
                "Name a model that a train stage of this workspace made: danlu artifacts --kind model",
            )
        try:
            config = _settings_of(model)
        except (ValidationError, UserError) as error:
            raise UserError(
                f"The settings of {model.manifest.name} ({model.id}) are of another version of Danlu.",
                "Trace it with the version that made it, or train it again.",
            ) from error
        inputs = []
        for parent in model.manifest.parents:
            if parent.field != "data":
                continue
            tokens = store.find(parent.kind, parent.id)
            if tokens is None:
                raise UserError(
                    f"The tokens {parent.name} ({parent.id}) that {model.manifest.name} was trained on are gone.",
                    "Run its recipe again: what is missing is made again, with the same id.",
                )
            inputs.append(Input(parent.name, parent.kind, None, tokens, tokens.facts))
        trained = Input(model.manifest.name, model.kind, None, model, model.facts)
        data = TrainingData.of_model(trained, config, inputs, store)
        return cls(model, [each.artifact for each in inputs if each.artifact], data)

    @property
    def num_steps(self) -> int:
        """That were made."""
        return int(self.model.facts["num_steps"])

    def num_rows(self, step: int) -> int:
        """Rows of a step, which is counted from 1.

        Raises:
            UserError: there is no such step.
        """
        if not 1 <= step <= self.num_steps:
            raise UserError(
                f"--step {step}: {self.model.manifest.name} was trained for {self.num_steps} steps.",
                f"Give a step from 1 to {self.num_steps}, as they are counted in metrics.",
            )
        return len(self._batches.places(step - 1))

    def row(self, step: int, number: int) -> ReadRow:
        """A row of a step; steps are counted from 1, rows from 0."""
        num_rows = self.num_rows(step)
        if not 0 <= number < num_rows:
            raise UserError(
                f"--row {number}: step {step} has {num_rows} rows.", f"Give a row from 0 to {num_rows - 1}."
            )
        return self._row(int(self._batches.places(step - 1)[number]))

    def steps_that_read(self, source: int, documents: set[int]) -> Iterator[int]:
        """Every step, counted from 1, with a token of one of some documents of a source. Makes all rows once more."""
        for step in range(self.num_steps):
            for place in self._batches.places(step).tolist():
                number, rows, own = self._source_of(place)
                if number == source and documents & set(self._documents(number, rows.positions(own)).tolist()):
                    yield step + 1
                    break

    @cached_property
    def _batches(self) -> BatchStream:
        return self.data.batches(self._planned_steps())

    def _planned_steps(self) -> int:
        """Over which what grows has grown; training may have ended sooner.

        Raises:
            UserError: nobody knows it.
        """
        config = self.data.config
        if config.batch.rows_ramp is None and config.batch.length_ramp is None:
            return self.num_steps
        if config.budget.minutes is not None and config.early_stopping is not None:
            raise UserError(
                f"{self.model.manifest.name} grew its batches over a number of steps that was decided by the clock, and"
                " stopped early, so nobody knows which rows a step had.",
                "Trace a document instead: danlu trace document ID",
            )
        return steps_of(
            config.budget,
            self.data.batches,
            flops=lambda: TrainingFlops.of(weightless_trainable(self.data.model_config, config)),
            steps_in_time=lambda seconds: self.num_steps,
        )

    def _source_of(self, place: int) -> tuple[int, SourceRows, int]:
        """The source of a place, its rows, and its place among them."""
        rows = self._batches.rows
        if isinstance(rows, MixedRows):
            number, own = rows.deal.source_of(place)
            return number, rows.sources[number], own
        return 0, cast(SourceRows, rows), place

    def _row(self, place: int) -> ReadRow:
        number, rows, own = self._source_of(place)
        positions = rows.positions(own)
        return ReadRow(self.tokens[number], rows.row(own), positions, self._documents(number, positions))

    def _documents(self, source: int, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        offsets = self.data.sources[source].store.document_offsets
        found = np.searchsorted(offsets, positions, side="right") - 1
        return np.where(positions < 0, -1, found)
