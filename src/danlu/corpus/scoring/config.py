"""Settings of ``do: train_scorer``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from danlu.artifacts.stage import Reference, StageConfig
from danlu.errors import UserError

METHOD_OF = {
    "good": "classifier",
    "bad": "classifier",
    "strength": "classifier",
    "buckets": "classifier",
    "data": "n_grams",
    "min_count": "n_grams",
}
"""Settings that only one method knows."""

LONGEST = {"classifier": 2, "n_grams": 5}


class TrainScorerConfig(StageConfig):
    """Corpora -> something small and fast that gives a text a number, by which `clean` chooses documents."""

    KIND: ClassVar[str] = "scorer"

    do: Literal["train_scorer"] = "train_scorer"
    method: Literal["classifier", "n_grams"]
    """classifier: how probable it is that a text is of the good kind (0 to 1), by logistic regression on the words and
    Chinese characters in it. n_grams: the perplexity of a text per character (1 and more; lower is more like the data),
    by a model of characters with Kneser and Ney's smoothing."""
    good: Annotated[str | list[str] | None, Reference(("corpus",))] = None
    """For a classifier: corpora as texts should be. The training split is learnt from, unless a part is named."""
    bad: Annotated[str | list[str] | None, Reference(("corpus",))] = None
    """For a classifier: corpora as texts should not be, likewise."""
    data: Annotated[str | list[str] | None, Reference(("corpus",))] = None
    """For n-grams: corpora as texts should be, likewise."""
    longest: int | None = Field(default=None, ge=1, le=8)
    """How long n-grams are, at most: words and Chinese characters for a classifier (null: 2), characters for n-grams
    (null: 5)."""
    strength: float = Field(default=10.0, gt=0)
    """For a classifier: how closely it follows what it learns from, scikit-learn's C. Less guards against few texts."""
    buckets: int = Field(default=2**18, ge=2**10, le=2**24)
    """For a classifier: weights, a power of two. N-grams are hashed to them, four bytes each."""
    min_count: int = Field(default=2, ge=1)
    """For n-grams: those of three characters on that are counted less often than this are not kept; less than a half
    remains with 2. 1: keep all."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of documents, chosen by their ids, that nothing is learnt from, and on which the scorer is measured."""
    sample_characters: int = Field(default=10_000_000, ge=1)
    """Text to learn from, for each side, about. Of more, documents are chosen by their ids."""

    @property
    def length(self) -> int:
        """Of the longest n-grams."""
        return self.longest or LONGEST[self.method]

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        for setting, method in METHOD_OF.items():
            if setting in self.model_fields_set and method != self.method:
                raise UserError(
                    f"{setting} goes with 'method: {method}', and this stage says 'method: {self.method}'.",
                    f"Remove {setting}, or write method: {method}.",
                )
        needed = ("good", "bad") if self.method == "classifier" else ("data",)
        if missing := [setting for setting in needed if not getattr(self, setting)]:
            raise ValueError(f"method: {self.method} needs {' and '.join(missing)}, each a corpus or a list of them")
        if self.buckets & (self.buckets - 1):
            raise ValueError(f"buckets: {self.buckets} is no power of two")
        return self

    def settings_in_id(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Without those of the other method."""
        return {name: value for name, value in settings.items() if METHOD_OF.get(name, self.method) == self.method}
