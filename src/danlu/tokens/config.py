"""Settings of ``do: tokenize``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from danlu.artifacts.stage import Reference, StageConfig


class TokenizeConfig(StageConfig):
    """Examples or a corpus, and a tokenizer -> token ids, for rows of equal length."""

    KIND: ClassVar[str] = "tokens"

    do: Literal["tokenize"] = "tokenize"
    data: Annotated[str, Reference(("examples", "corpus"))]
    """The examples or the corpus; all their splits are tokenised."""
    tokenizer: Annotated[str, Reference(("model", "tokenizer"))]
    """Whose tokenizer and chat template to use; the model that will be trained."""
    length: int = Field(default=512, ge=2)
    """Tokens in a row of the batch, at most; not more than the model's context. No example may be longer. The documents
    of a corpus are laid end to end and cut into rows of this length when they are trained on."""
    words: Literal["chinese", "pre_tokenizer"] | None = None
    """For a corpus: mark where words begin, for an encoder to guess whole words. chinese: by a dictionary, jieba's.
    pre_tokenizer: as the tokenizer cuts text before merging, which is at blanks. null: no marks."""
    packing: Literal["best_fit", "none"] = "best_fit"
    """For examples. best_fit: whole examples are put together so that rows are nearly full. none: one example a row."""
    overlong: Literal["drop", "truncate", "error"] = "drop"
    """For examples: what happens to one with more than `length` tokens. drop: it is left out. truncate: its end is cut
    off, and with it the token that ends the turn. error: the stage fails."""
