"""Settings of decontamination. Nothing heavy is imported, since every recipe is checked by them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, SourceList


class DecontaminateConfig(Strict):
    """Which rows must not be learnt from, since models are evaluated on them, and how much of one is too much. Case,
    marks and white space make no difference, and nothing around a row hides it."""

    against: Annotated[list[str], Reference(("corpus", "examples"))] = Field(default_factory=list)
    """Held-out rows of other stages or artifacts, for example ``[exam.test]``; validation and test are meant when no
    part is named. Of conversations, all turns but system prompts."""
    files: Annotated[list[str], SourceList("all")] = Field(default_factory=list)
    """URIs of files with held-out rows, in any format of rows that `from` knows: all text of a row counts. Of text
    files, each paragraph is a row."""
    ngram: int = Field(default=13, ge=4, le=100)
    """Words of an n-gram. Chinese and Japanese rows are looked for by runs of 1.6 times as many characters, and rows
    that are shorter than an n-gram by shorter ones; what is shorter than four words or characters is not looked for."""
    at_least: float = Field(default=0.5, gt=0, le=1)
    """Leave out what has this share of the n-grams of a row (0 to 1). n-grams that more than ten rows share do not
    count."""
    fuzzy: float | None = Field(default=None, ge=0.5, le=1)
    """Also leave out what holds nearly a row: twice the words that both have in the same order, over the words of both,
    is at least this (0 to 1). null: do not look."""

    @model_validator(mode="after")
    def _is_against_something(self) -> Self:
        if not self.against and not self.files:
            raise ValueError("name what is held out: against: [exam.test], or files: [file:exam.jsonl]")
        return self
