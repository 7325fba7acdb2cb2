"""Models written to GGUF compute the same when they are read back, by our reader and by llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from danlu.errors import UserError
from danlu.models.gguf.file import GgufFile
from danlu.models.gguf.read import load_gguf, read_gguf
from danlu.models.gguf.write import write_gguf

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
MODELS = {
    "llama": ("llama", {}),
    "llama-tied": ("llama", {"tie_word_embeddings": True}),
    "llama-all-heads-have-keys": ("llama", {"num_key_value_heads": 4}),
    "llama-wide-heads": ("llama", {"head_dim": 32}),
    "llama-biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-3-rope": ("llama", {"rope_parameters": LLAMA3_ROPE, "max_position_embeddings": 131_072}),
    "llama-linear-rope": (
        "llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0}},
    ),
    "llama-yarn": (
        "llama",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10_000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "mistral": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True}),
    "qwen3": ("qwen3", {"head_dim": 32}),
    "qwen3-tied": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
}


def log_probabilities(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(ids).logits[0].log_softmax(-1)


def some_ids(model: Any, length: int = 120) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, model.config.vocab_size, (1, length), generator=generator)


def divergence(expected: torch.Tensor, actual: torch.Tensor) -> float:
    return float((expected.exp() * (expected - actual)).sum(-1).mean())


@pytest.mark.parametrize("name", MODELS)
def test_what_is_read_back_is_what_was_written(
    name: str, make_model: Callable[..., tuple[Any, Path]], tmp_path: Path
) -> None:
    model_type, settings = MODELS[name]
    model, directory = make_model(model_type, **settings)
    ids = some_ids(model)
    expected = log_probabilities(model, ids)
    for file_type, bound in (("f32", 0.0), ("f16", 1e-5), ("q8_0", 5e-3)):
        path = tmp_path / f"{file_type}.gguf"
        notes = write_gguf(directory, path, file_type=file_type, name="tiny")
        # transformers gives every tokenizer of a Qwen2 model Unicode's composed form.
        assert all("NFC" in note for note in notes)
        assert bool(notes) == (model_type == "qwen2")
        read, _ = load_gguf(path)
        assert read.config.tie_word_embeddings == model.config.tie_word_embeddings
        assert abs(divergence(expected, log_probabilities(read, ids))) <= bound + 1e-9
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("name", MODELS)
def test_llama_cpp_computes_the_same(
    name: str,
    make_model: Callable[..., tuple[Any, Path]],
    llama_cpp: Callable[..., Any],
    tmp_path: Path,
) -> None:
    model_type, settings = MODELS[name]
    model, directory = make_model(model_type, **settings)
    ids = some_ids(model)
    expected = log_probabilities(model, ids)
    # Keys and values are kept in float16 by llama.cpp, and activations are rounded to 8 bits where weights are.
    for file_type, tolerance in (("f32", 0.02), ("q8_0", 0.3)):
        path = tmp_path / f"{file_type}.gguf"
        write_gguf(directory, path, file_type=file_type, name="tiny")
        engine = llama_cpp(path, context=256)
        for length in (3, 120):
            likeliest = engine.top_log_probabilities(ids[0, :length].tolist(), 5, end_id=model.config.eos_token_id)
            for index, value in likeliest.items():
                assert value == pytest.approx(float(expected[length - 1, index]), abs=tolerance)
            if file_type == "f32":
                assert max(likeliest, key=likeliest.__getitem__) == int(expected[length - 1].argmax())


def test_directory_from_gguf_loads_in_plain_transformers(
    make_model: Callable[..., tuple[Any, Path]], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    model, directory = make_model("llama", tie_word_embeddings=True)
    write_gguf(directory, tmp_path / "m.gguf", file_type="f32", name="tiny")
    out = tmp_path / "out"
    out.mkdir()
    read_gguf(tmp_path / "m.gguf", out)
    read = AutoModelForCausalLM.from_pretrained(out)
    ids = some_ids(model)
    assert torch.equal(log_probabilities(model, ids), log_probabilities(read.eval(), ids))
    for name in ("hidden_size", "num_key_value_heads", "rms_norm_eps", "rope_parameters", "max_position_embeddings"):
        assert getattr(read.config, name) == getattr(model.config, name), name
    tokenizer, original = AutoTokenizer.from_pretrained(out), AutoTokenizer.from_pretrained(directory)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "chat_template"):
        assert getattr(tokenizer, name) == getattr(original, name), name
    assert tokenizer.model_max_length == 256
    assert GenerationConfig.from_pretrained(out).eos_token_id == [original.eos_token_id]


def test_old_transformers_find_the_rotary_base_too(make_model: Callable[..., tuple[Any, Path]]) -> None:
    import json

    _, directory = make_model("llama", rope_parameters={"rope_type": "linear", "rope_theta": 77_000.0, "factor": 2.0})
    content = json.loads((directory / "config.json").read_text())
    assert content["rope_theta"] == 77_000.0
    assert content["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}


def test_metadata_is_complete(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    model, directory = make_model("llama")
    path = tmp_path / "m.gguf"
    write_gguf(directory, path, file_type="q8_0", name="small thing", licence="apache-2.0")
    file = GgufFile(path)
    expected = {
        "general.architecture": "llama",
        "general.type": "model",
        "general.name": "small thing",
        "general.license": "apache-2.0",
        "general.file_type": 7,
        "general.quantization_version": 2,
        "llama.context_length": 256,
        "llama.embedding_length": 64,
        "llama.block_count": 2,
        "llama.feed_forward_length": 96,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.dimension_count": 16,
        "llama.rope.freq_base": 10_000.0,
        "llama.vocab_size": model.config.vocab_size,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    assert {key: file.get(key) for key in expected} == expected
    assert {name: file.quantization(name) for name in ("blk.0.attn_norm.weight", "token_embd.weight")} == {
        "blk.0.attn_norm.weight": "F32",
        "token_embd.weight": "Q8_0",
    }


def test_tied_models_have_no_output_tensor(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    for tied in (True, False):
        _, directory = make_model("llama", tie_word_embeddings=tied)
        write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
        assert ("output.weight" not in GgufFile(tmp_path / "m.gguf").tensor_names) == tied


def test_rows_that_do_not_fill_blocks_stay_in_float16(
    make_model: Callable[..., tuple[Any, Path]], tmp_path: Path
) -> None:
    model, directory = make_model("llama", intermediate_size=80)
    write_gguf(directory, tmp_path / "m.gguf", file_type="q8_0", name="tiny")
    file = GgufFile(tmp_path / "m.gguf")
    assert file.quantization("blk.0.ffn_down.weight") == "F16"
    assert file.quantization("blk.0.ffn_up.weight") == "Q8_0"
    ids = some_ids(model)
    read, _ = load_gguf(tmp_path / "m.gguf")
    assert divergence(log_probabilities(model, ids), log_probabilities(read, ids)) < 5e-3


def test_bfloat16_weights_are_written_as_they_are(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    model, directory = make_model("llama")
    model.bfloat16().save_pretrained(directory)
    write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    read, _ = load_gguf(tmp_path / "m.gguf")
    weight = read.model.layers[0].self_attn.q_proj.weight
    assert torch.equal(weight, model.model.layers[0].self_attn.q_proj.weight.float())


def test_sliding_window_limits_the_context(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    _, directory = make_model("mistral", sliding_window=128)
    (note,) = write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    assert "128" in note
    assert GgufFile(tmp_path / "m.gguf").get("llama.context_length") == 128


@pytest.mark.parametrize(
    ("model_type", "settings", "word"),
    [
        ("gpt2", {}, "gpt2"),
        ("qwen3", {"attention_bias": True}, "attention_bias"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}},
            "dynamic",
        ),
    ],
)
def test_what_gguf_cannot_express_is_refused(
    model_type: str,
    settings: dict[str, Any],
    word: str,
    make_model: Callable[..., tuple[Any, Path]],
    tmp_path: Path,
) -> None:
    _, directory = make_model(model_type, **settings)
    with pytest.raises(UserError, match=word):
        write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    assert not list(tmp_path.glob("m.gguf*"))


def test_weights_that_are_not_finite_are_refused(make_model: Callable[..., tuple[Any, Path]], tmp_path: Path) -> None:
    model, directory = make_model("llama")
    model.model.layers[1].mlp.up_proj.weight.data[0, 0] = float("nan")
    model.save_pretrained(directory)
    with pytest.raises(UserError, match=r"layers\.1\.mlp\.up_proj"):
        write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    model.model.layers[1].mlp.up_proj.weight.data[0, 0] = 1e6
    model.save_pretrained(directory)
    with pytest.raises(UserError, match="float16"):
        write_gguf(directory, tmp_path / "m.gguf", file_type="f16", name="tiny")
    assert not list(tmp_path.glob("m.gguf*"))
