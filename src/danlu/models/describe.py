"""What a model is, for plans, reports and cards."""

from __future__ import annotations

from typing import Any

from danlu.models.gguf.config import head_size_of


def describe_model(config: Any, *, num_parameters: int, has_chat_template: bool) -> dict[str, Any]:
    """The facts of a model that its config tells.

    Args:
        config: A transformers config.
        num_parameters: Tied weights count once.
        has_chat_template: Whether its tokenizer has one.
    """
    text = config.get_text_config()
    return {
        "architecture": config.model_type,
        "num_parameters": num_parameters,
        "hidden_size": text.hidden_size,
        "num_layers": text.num_hidden_layers,
        "num_heads": text.num_attention_heads,
        "num_kv_heads": getattr(text, "num_key_value_heads", None) or text.num_attention_heads,
        "head_size": head_size_of(text),
        "intermediate_size": getattr(text, "intermediate_size", None) or getattr(text, "n_inner", None),
        "vocabulary_size": text.vocab_size,
        "max_position_embeddings": text.max_position_embeddings,
        "tie_word_embeddings": bool(config.tie_word_embeddings),
        "dtype": str(config.dtype or "float32").removeprefix("torch."),
        "has_chat_template": has_chat_template,
    }
