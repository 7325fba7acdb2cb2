"""Settings of ``do: evaluate``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, StageConfig


class BootstrapConfig(Strict):
    """How intervals are made: rows are drawn again with replacement."""

    samples: int = Field(10_000, ge=100, le=1_000_000)
    """How often all rows are drawn again; also the most sign flips that the paired test tries."""
    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    """Share of such intervals that hold the true value."""
    seed: int = Field(0, ge=0)


class GenerationsConfig(Strict):
    """Answers shown side by side."""

    rows: int = Field(4, ge=0, le=1000)
    """How many rows are answered (documents: gone on with): the first by id, so that every evaluation of the same data
    shows the same ones."""
    max_new_tokens: int = Field(96, ge=1)
    """An answer is cut here, in tokens."""


class ContaminationConfig(Strict):
    """When a held-out row counts as one that a model was trained on (see `decontaminate` of do: clean)."""

    ngram: int = Field(13, ge=4, le=100)
    """Words of an n-gram; of Chinese, 1.6 times as many characters. Shorter rows are looked for by shorter ones."""
    at_least: float = Field(0.5, gt=0, le=1)
    """Share of the row's n-grams that one document of the training data has."""


class EvaluateConfig(StageConfig):
    """Compare models on the same held-out rows."""

    KIND: ClassVar[str] = "report"

    do: Literal["evaluate"]
    models: Annotated[list[str], Reference(("model",), named=True)] = Field(min_length=1)
    """The models; the first is the one that the others are compared with."""
    data: Annotated[str, Reference(("examples", "corpus"))]
    """Held-out examples or documents, for example ``rows.test``; ``test`` is meant when no part is named."""
    rows: int | None = Field(None, ge=2)
    """Score no more than this many: the first by id, which is to say any. null: all."""
    length: int = Field(2048, ge=2)
    """Conversations that are longer than this, in tokens, or than what a model can read, are left out, for all models.
    Longer documents are scored on their beginning."""
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """Number format of the weights. ``auto``: bfloat16 where this machine is fast at it, else float32."""
    bootstrap: BootstrapConfig = BootstrapConfig()
    generations: GenerationsConfig = GenerationsConfig()
    contamination: ContaminationConfig | None = ContaminationConfig()
    """Look for the rows in what the models were trained on, as far as it is in this workspace, and give the scores
    without those that are found. It reads all training texts, some 40 MB a second. ``true``: with the defaults.
    ``false``: do not look."""

    @field_validator("contamination", mode="before")
    @classmethod
    def _yes_or_no(cls, given: Any) -> Any:
        return ({} if given else None) if isinstance(given, bool) else given

    @field_validator("models")
    @classmethod
    def _different(cls, models: list[str]) -> list[str]:
        for name in models:
            if models.count(name) > 1:
                raise ValueError(f"{name!r} is named twice; a model cannot be compared with itself")
        return models
