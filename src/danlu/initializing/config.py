"""Settings of ``do: initialize``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from danlu.artifacts.stage import Reference, StageConfig
from danlu.initializing.sizes import ENCODER_SIZES, SIZES

NOT_FOR_ENCODERS = ("num_kv_heads", "head_size", "tie_embeddings", "rope_theta")


class InitializeConfig(StageConfig):
    """A tokenizer and a size -> a model with random weights, ready to be trained from scratch."""

    KIND: ClassVar[str] = "model"

    do: Literal["initialize"]
    tokenizer: Annotated[str, Reference(("tokenizer", "model"))]
    """Whose vocabulary the model reads and writes."""
    architecture: Literal["qwen3", "llama", "bert"] = "qwen3"
    """``qwen3``: Llama's layers with normalised queries and keys (Qwen team 2025, arXiv:2505.09388). ``llama``: Touvron
    et al. 2023, arXiv:2302.13971, with grouped queries. ``bert``: an encoder (Devlin et al. 2018, arXiv:1810.04805)
    with a head that guesses hidden tokens; its positions are learnt, so it has none behind `context`."""
    size: Literal["2M", "8M", "30M", "125M", "350M", "1B"]
    """About how many weights; it sets every number below that is not given."""
    context: int = Field(1024, ge=2)
    """Longest text the model has positions for, in tokens."""
    hidden_size: int | None = Field(None, ge=8)
    """Width of the residual stream."""
    num_layers: int | None = Field(None, ge=1)
    num_heads: int | None = Field(None, ge=1)
    num_kv_heads: int | None = Field(None, ge=1)
    """Keys and values are shared by num_heads / num_kv_heads queries."""
    head_size: int | None = Field(None, ge=2)
    """Width of a head; even, since positions turn pairs."""
    intermediate_size: int | None = Field(None, ge=8)
    """Width inside the feed-forward layers."""
    tie_embeddings: bool | None = None
    """Whether the head uses the embedding's weights."""
    rope_theta: float = Field(10_000.0, gt=1)
    """Base of the rotary positions (Su et al. 2021, arXiv:2104.09864)."""
    initialization: Literal["normal", "scaled", "xavier", "kaiming"] = "scaled"
    """Of the matrices. ``normal``: standard deviation `initial_std`. ``scaled``: the same, divided by
    sqrt(2 num_layers) where a layer writes into the residual stream (GPT-2). ``xavier``: Glorot & Bengio 2010.
    ``kaiming``: He et al. 2015, arXiv:1502.01852. The embedding always has `initial_std`."""
    initial_std: float = Field(0.02, gt=0)
    seed: int = 0
    """Of the weights."""

    @model_validator(mode="after")
    def _fit(self) -> InitializeConfig:
        if self.architecture == "bert":
            return self._fit_encoder()
        shape = SIZES[self.size].with_overrides(self)
        if shape.num_heads % shape.num_kv_heads:
            raise ValueError(f"num_heads ({shape.num_heads}) is no multiple of num_kv_heads ({shape.num_kv_heads})")
        if shape.head_size % 2:
            raise ValueError(f"head_size ({shape.head_size}) is odd; rotary positions turn pairs")
        return self

    def _fit_encoder(self) -> InitializeConfig:
        given = [name for name in NOT_FOR_ENCODERS if name in self.model_fields_set]
        if given:
            raise ValueError(f"{given[0]} is no part of the architecture bert")
        shape = ENCODER_SIZES[self.size].with_overrides(self)
        if shape.hidden_size % shape.num_heads:
            raise ValueError(f"hidden_size ({shape.hidden_size}) is no multiple of num_heads ({shape.num_heads})")
        return self
