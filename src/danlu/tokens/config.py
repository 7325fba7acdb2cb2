"""Settings of ``do: tokenize``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from danlu.artifacts.stage import Reference, StageConfig


class TokenizeConfig(StageConfig):
    """Examples and a tokenizer -> packed rows of token ids."""

    do: Literal["tokenize"] = "tokenize"
    data: Annotated[str, Reference(("examples",))]
    """The examples; all their splits are tokenised."""
    tokenizer: Annotated[str, Reference(("model", "tokenizer"))]
    """Whose tokenizer and chat template to use; the model that will be trained."""
    length: int = Field(default=512, ge=2)
    """Tokens in a row, at most. No example may be longer. At most the model's context."""
    packing: Literal["best_fit", "none"] = "best_fit"
    """best_fit: whole examples are put together so that rows are nearly full. none: one example a row."""
    overlong: Literal["drop", "truncate", "error"] = "drop"
    """What happens to an example with more than `length` tokens. drop: it is left out. truncate: its end is cut off,
    and with it the token that ends the turn. error: the stage fails."""
