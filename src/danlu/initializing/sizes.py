"""The sizes a model can have: one word sets every number of its shape.

The narrow models have few, wide heads and shared keys and values; the feed-forward layer is 2.75 times as wide as the
residual stream. Weights are counted with a vocabulary of 8,192 up to 30M, and of 32,768 from 125M on; small models tie
their embeddings, where those would otherwise be most of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Shape:
    """Of a decoder with gated feed-forward layers."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_size: int
    intermediate_size: int
    tie_embeddings: bool = True

    def with_overrides(self, settings: Any) -> Shape:
        """The same with what `settings` names otherwise, by attributes of the same names."""
        given = {field.name: getattr(settings, field.name) for field in fields(self)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def num_parameters(self, vocabulary_size: int) -> int:
        """Of a Llama of this shape: norms and, for Qwen3, those of queries and keys are left out."""
        attention = 2 * self.hidden_size * self.head_size * (self.num_heads + self.num_kv_heads)
        feed_forward = 3 * self.hidden_size * self.intermediate_size
        embeddings = (1 if self.tie_embeddings else 2) * vocabulary_size * self.hidden_size
        return self.num_layers * (attention + feed_forward) + embeddings


@dataclass(frozen=True)
class EncoderShape:
    """Of a BERT: heads share nothing, feed-forward layers have no gate and are four times as wide."""

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int

    def with_overrides(self, settings: Any) -> EncoderShape:
        """The same with what `settings` names otherwise, by attributes of the same names."""
        given = {field.name: getattr(settings, field.name) for field in fields(self)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def num_parameters(self, vocabulary_size: int) -> int:
        """Without biases, norms and positions; the head's own square is counted, its output is tied."""
        per_layer = 4 * self.hidden_size**2 + 2 * self.hidden_size * self.intermediate_size
        return self.num_layers * per_layer + (vocabulary_size + self.hidden_size) * self.hidden_size


ENCODER_SIZES: dict[str, EncoderShape] = {
    "2M": EncoderShape(128, 5, 2, 512),
    "8M": EncoderShape(256, 7, 4, 1024),
    "30M": EncoderShape(512, 8, 8, 2048),
    "125M": EncoderShape(768, 14, 12, 3072),
    "350M": EncoderShape(1024, 24, 16, 4096),
    "1B": EncoderShape(2048, 18, 32, 8192),
}

SIZES: dict[str, Shape] = {
    "2M": Shape(128, 6, 2, 1, 64, 352),
    "8M": Shape(256, 8, 4, 2, 64, 704),
    "30M": Shape(512, 8, 8, 4, 64, 1536),
    "125M": Shape(768, 16, 12, 4, 64, 2048),
    "350M": Shape(1024, 24, 16, 8, 64, 3328),
    "1B": Shape(2048, 20, 16, 8, 128, 5632),
}
