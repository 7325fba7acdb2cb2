"""Settings of ``do: clean``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import SourceList, StageConfig

FormatName = Literal["auto", "alpaca", "sharegpt", "messages", "prompt_completion"]


class DeduplicateConfig(Strict):
    """Which repeated conversations are left out. The first in the order of the sources stays."""

    exact: bool = True
    """Leave out conversations that are equal after Unicode normalisation (NFKC) with white space run together."""
    near: float | None = Field(default=None, gt=0, le=1)
    """Leave out conversations whose Jaccard similarity with an earlier one, over character 5-grams, is at least this
    (0 to 1). null: do not look."""


class SplitConfig(Strict):
    """What is held out from training. A conversation's side depends on its content and the seed alone."""

    validation: float = Field(default=0.0, ge=0, lt=1)
    """Expected share of conversations for validation (0 to 1)."""
    test: float = Field(default=0.0, ge=0, lt=1)
    """Expected share of conversations for the test (0 to 1)."""
    seed: int = 0
    """Another seed holds out other conversations."""

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation ({self.validation}) and test ({self.test}) leave nothing to train on")
        return self


class CleanConfig(StageConfig):
    """Files of conversations -> examples, clean and split."""

    model_config = ConfigDict(populate_by_name=True)
    KIND: ClassVar[str] = "examples"

    do: Literal["clean"] = "clean"
    from_: Annotated[str | list[str], SourceList("all")] = Field(alias="from")
    """URIs of files, or of directories whose files are read in order of their names. All are read, in this order.
    .json, .jsonl, .ndjson, .parquet, .csv and .tsv, each of them also as .gz."""
    format: FormatName = "auto"
    """How a conversation is written in a row. auto: judged for each file by the names of its columns."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Columns to rename before a row is read: name in the file -> name the format knows."""
    replace: dict[str, str] = Field(default_factory=dict)
    """Text to replace in all turns: what is written -> what shall stand there. All at once, longer ones first."""
    system: str | None = None
    """System prompt for conversations that have none."""
    min_characters: int = Field(default=0, ge=0)
    """Leave out conversations with fewer characters than this, all turns together."""
    max_characters: int | None = Field(default=None, ge=1)
    """Leave out conversations with more characters than this, all turns together. null: no limit."""
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    """Repeated conversations."""
    split: SplitConfig = SplitConfig()
    """What is held out."""

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if "" in self.replace:
            raise ValueError("replace: there is nothing to look for in an empty text")
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise ValueError(f"max_characters ({self.max_characters}) is below min_characters ({self.min_characters})")
        return self
