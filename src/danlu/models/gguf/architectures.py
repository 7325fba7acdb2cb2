"""The table of model architectures that can be read from and written to GGUF."""

from __future__ import annotations

from dataclasses import dataclass

from danlu.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """How one family of Hugging Face models is called and laid out in GGUF."""

    model_type: str
    """``model_type`` of the Hugging Face config."""
    name: str
    """``general.architecture`` of the GGUF file."""
    interleaved_rope: bool
    """llama.cpp rotates neighbouring pairs of a head, transformers its two halves: rows of q and k change places."""
    optional_bias: bool
    """Whether llama.cpp accepts the biases that the config's ``attention_bias`` and ``mlp_bias`` add."""


LLAMA = Architecture("llama", "llama", interleaved_rope=True, optional_bias=True)
MISTRAL = Architecture("mistral", "llama", interleaved_rope=True, optional_bias=False)
QWEN2 = Architecture("qwen2", "qwen2", interleaved_rope=False, optional_bias=False)
QWEN3 = Architecture("qwen3", "qwen3", interleaved_rope=False, optional_bias=False)

ARCHITECTURES = {architecture.model_type: architecture for architecture in (LLAMA, MISTRAL, QWEN2, QWEN3)}

# A GGUF file does not tell Mistral from Llama; their definitions compute the same.
READABLE = {architecture.name: architecture for architecture in (LLAMA, QWEN2, QWEN3)}


def architecture_to_write(model_type: str) -> Architecture:
    """The architecture of a Hugging Face config.

    Raises:
        UserError: this model type is not in the table.
    """
    try:
        return ARCHITECTURES[model_type]
    except KeyError:
        raise UserError(
            f"Models of type {model_type!r} cannot be written to GGUF.",
            f"Supported are {', '.join(ARCHITECTURES)}. Leave the gguf formats out to export a Hugging Face directory.",
        ) from None


def architecture_to_read(name: str) -> Architecture:
    """The architecture of a GGUF file.

    Raises:
        UserError: this architecture is not in the table.
    """
    try:
        return READABLE[name]
    except KeyError:
        raise UserError(
            f"GGUF files of architecture {name!r} cannot be read.",
            f"Supported are {', '.join(READABLE)}. Import the model's Hugging Face directory instead.",
        ) from None
