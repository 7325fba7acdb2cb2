"""The model's shape between a transformers config and GGUF's metadata."""

from __future__ import annotations

from typing import Any

from danlu.errors import UserError
from danlu.models.gguf.architectures import LLAMA, QWEN3, Architecture, architecture_to_read
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.rope import as_decimal, read_rope, write_rope

EMBEDDING = "token_embd.weight"
OUTPUT = "output.weight"


def read_config(file: GgufFile) -> Any:
    """A transformers config that describes the model in a GGUF file.

    Raises:
        UserError: the architecture is not supported, or metadata is missing.
    """
    from transformers import AutoConfig

    architecture = architecture_to_read(file.architecture)
    prefix = architecture.name
    if file.get(f"{prefix}.expert_count", 0):
        raise UserError(
            f"{file.path.name} is a mixture of experts, which cannot be read.",
            "Take a dense model, or import the model's Hugging Face directory.",
        )
    num_heads = _same_in_all_layers(file, f"{prefix}.attention.head_count")
    hidden_size = int(file.require(f"{prefix}.embedding_length"))
    head_size = int(file.get(f"{prefix}.attention.key_length", hidden_size // num_heads))
    settings: dict[str, Any] = {
        "vocab_size": file.shape(_require_tensor(file, EMBEDDING))[0],
        "hidden_size": hidden_size,
        "intermediate_size": _same_in_all_layers(file, f"{prefix}.feed_forward_length"),
        "num_hidden_layers": int(file.require(f"{prefix}.block_count")),
        "num_attention_heads": num_heads,
        "num_key_value_heads": _same_in_all_layers(file, f"{prefix}.attention.head_count_kv", num_heads),
        "max_position_embeddings": int(file.require(f"{prefix}.context_length")),
        "rms_norm_eps": as_decimal(file.require(f"{prefix}.attention.layer_norm_rms_epsilon")),
        "rope_parameters": read_rope(file, prefix, head_size),
        "tie_word_embeddings": OUTPUT not in file.tensor_names,
        "bos_token_id": file.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": file.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": file.get("tokenizer.ggml.padding_token_id"),
        "dtype": "float32",
    }
    if architecture in (LLAMA, QWEN3):
        settings["head_dim"] = head_size
    if architecture is LLAMA:
        settings["attention_bias"] = "blk.0.attn_q.bias" in file.tensor_names
        settings["mlp_bias"] = "blk.0.ffn_up.bias" in file.tensor_names
    config = AutoConfig.for_model(architecture.model_type, **settings)
    config.architectures = [f"{architecture.model_type.title()}ForCausalLM"]
    return config


def check_writable(config: Any, architecture: Architecture) -> None:
    """See that llama.cpp computes what this config says.

    Raises:
        UserError: the config asks for something that llama.cpp's definition does not have.
    """
    unsupported = {
        "hidden_act": getattr(config, "hidden_act", "silu") != "silu",
        "attention_bias": bool(getattr(config, "attention_bias", False)) and not architecture.optional_bias,
        "mlp_bias": bool(getattr(config, "mlp_bias", False)) and not architecture.optional_bias,
        "use_sliding_window": bool(getattr(config, "use_sliding_window", False)),
    }
    for name in (name for name, is_unsupported in unsupported.items() if is_unsupported):
        raise UserError(
            f"The {config.model_type} model has {name}: {getattr(config, name)}, which its GGUF architecture lacks.",
            "Export it as a Hugging Face directory (formats: [hf]).",
        )


def write_config(writer: Any, config: Any) -> list[str]:
    """Write the model's shape as GGUF metadata.

    Returns:
        What had to be limited, one line each.
    """
    notes = []
    head_size = head_size_of(config)
    context = int(config.max_position_embeddings)
    # llama.cpp attends to everything in this architecture; within one window that is the same.
    window = config.sliding_window if config.model_type == "mistral" else None
    if window and window < context:
        notes.append(f"context length limited from {context:,} to the sliding window of {window:,} tokens")
        context = int(window)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(context)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head_size)
    writer.add_vocab_size(config.vocab_size)
    write_rope(writer, config.rope_parameters)
    return notes


def head_size_of(config: Any) -> int:
    """Size of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _same_in_all_layers(file: GgufFile, key: str, default: int | None = None) -> int:
    value = file.get(key, default) if default is not None else file.require(key)
    values = set(value) if isinstance(value, list) else {value}
    if len(values) != 1:
        raise UserError(
            f"{file.path.name} has layers of different sizes ({key} is {sorted(values)}), which cannot be read.",
            "Take a model whose layers are alike.",
        )
    return int(values.pop())


def _require_tensor(file: GgufFile, name: str) -> str:
    if name not in file.tensor_names:
        raise UserError(f"{file.path.name} lacks the tensor {name}.", "Take a whole model, not only a vocabulary.")
    return name
