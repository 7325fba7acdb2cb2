"""Small random models of every architecture, tokenizers for every pre-tokenizer, and llama.cpp to ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from danlu.models.files import save_config, save_tokenizer


@pytest.fixture
def llama_cpp() -> Callable[..., Any]:
    """Opens a GGUF file in llama.cpp."""
    pytest.importorskip("xllamacpp")
    from danlu.compression.llama_cpp import LlamaCpp

    return LlamaCpp


@pytest.fixture
def make_model(tmp_path: Path, tiny_tokenizer: Any) -> Callable[..., tuple[Any, Path]]:
    """``make_model("qwen3", head_dim=16)``: a random model and the Hugging Face directory it was saved in."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    def make(model_type: str, tokenizer: Any = None, **settings: Any) -> tuple[Any, Path]:
        tokenizer = tokenizer or tiny_tokenizer
        defaults: dict[str, Any] = {
            "vocab_size": max(tokenizer.get_vocab().values()) + 1,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
            "initializer_range": 0.15,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "tie_word_embeddings": False,
        }
        config = AutoConfig.for_model(model_type, **{**defaults, **settings})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            model = AutoModelForCausalLM.from_config(config).eval()
            for weight in model.parameters():
                if weight.dim() == 1:  # norms and biases, which would be ones and zeros
                    weight.data.add_(0.2 * torch.randn_like(weight))
        directory = tmp_path / "model"
        model.save_pretrained(directory)
        save_config(model.config, directory)
        save_tokenizer(tokenizer, directory)
        return model, directory

    return make
