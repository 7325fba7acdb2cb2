"""Broken and foreign GGUF files are explained, never half read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import UserError
from danlu.models.gguf.file import GgufFile, is_gguf
from danlu.models.gguf.read import load_gguf, read_gguf
from danlu.models.gguf.rope import as_decimal
from danlu.models.gguf.tensors import deinterleave, interleave
from danlu.models.gguf.write import write_gguf


@pytest.fixture
def gguf_path(tiny_model_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(tiny_model_dir, path, file_type="f16", name="tiny")
    return path


def rewrite(path: Path, out: Path, *, metadata: dict[str, Any], without: tuple[str, ...] = ()) -> Path:
    """A copy of a GGUF file with some keys replaced (None: left out) and some tensors left out."""
    import gguf

    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(out, metadata.get("general.architecture") or "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture" or field.name in metadata:
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, sub_type=field.types[-1])
    for key, value in metadata.items():
        if value is not None and key != "general.architecture":
            writer.add_key_value(
                key, value, gguf.GGUFValueType.STRING if isinstance(value, str) else gguf.GGUFValueType.UINT32
            )
    for tensor in reader.tensors:
        if tensor.name not in without:
            writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def test_rewriting_nothing_changes_nothing(gguf_path: Path, tmp_path: Path) -> None:
    copy = rewrite(gguf_path, tmp_path / "copy.gguf", metadata={})
    original, _ = load_gguf(gguf_path)
    read, _ = load_gguf(copy)
    for name, weight in original.state_dict().items():
        assert np.array_equal(weight.numpy(), read.state_dict()[name].numpy()), name


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.2, 0.5, 0.99])
def test_a_file_cut_short_is_refused(share: float, gguf_path: Path, tmp_path: Path) -> None:
    whole = gguf_path.read_bytes()
    short = tmp_path / "short.gguf"
    short.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"short\.gguf"):
        GgufFile(short)


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04 a zip", b"GGUF", b"GGUF" + b"\xff" * 64])
def test_what_is_not_gguf_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.gguf"):
        GgufFile(path)
    assert not is_gguf(tmp_path)
    assert not is_gguf(tmp_path / "missing.gguf")


@pytest.mark.parametrize(
    ("metadata", "without", "words"),
    [
        ({"general.architecture": "mamba"}, (), "mamba"),
        ({"tokenizer.ggml.pre": "brand-new"}, (), "brand-new"),
        ({"tokenizer.ggml.pre": None}, (), "None"),
        ({"tokenizer.ggml.model": "bert"}, (), "bert"),
        ({"llama.context_length": None}, (), "llama.context_length"),
        ({"llama.embedding_length": 48}, (), "shape"),
        ({"llama.block_count": 1}, (), "superfluous"),
        ({"llama.expert_count": 8}, (), "experts"),
        ({"llama.rope.scaling.type": "longrope"}, (), "longrope"),
        ({"split.count": 3}, (), "3 parts"),
        ({}, ("blk.1.attn_q.weight",), "blk.1.attn_q.weight"),
        ({}, ("token_embd.weight",), "token_embd.weight"),
    ],
)
def test_what_does_not_fit_is_named(
    metadata: dict[str, Any], without: tuple[str, ...], words: str, gguf_path: Path, tmp_path: Path
) -> None:
    broken = rewrite(gguf_path, tmp_path / "broken.gguf", metadata=metadata, without=without)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UserError, match=words) as caught:
        read_gguf(broken, out)
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16"])
def test_quantised_tensors_are_undone_in_parts_as_in_one(kind: str, tmp_path: Path, monkeypatch: Any) -> None:
    import gguf

    from danlu.models.gguf import file as file_module

    values = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32)
    quantization = gguf.GGMLQuantizationType[kind]
    stored = gguf.quants.quantize(values, quantization)
    writer = gguf.GGUFWriter(tmp_path / "t.gguf", "llama")
    writer.add_tensor("t", stored, raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    monkeypatch.setattr(file_module, "CHUNK_VALUES", 64 * 7)
    read = GgufFile(tmp_path / "t.gguf").tensor("t")
    assert np.array_equal(read, gguf.quants.dequantize(stored, quantization))
    assert np.abs(read - values).max() < 0.5


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_interleaving_is_undone(num_heads: int, half: int, columns: int) -> None:
    values = np.arange(num_heads * 2 * half * columns, dtype=np.float32).reshape(-1, columns)
    there = interleave(values, num_heads)
    assert np.array_equal(deinterleave(there, num_heads), values)
    # Neighbouring pairs in llama.cpp's order are the two halves of a head in transformers'.
    assert np.array_equal(there[0], values[0])
    assert np.array_equal(there[1], values[half])


@given(st.floats(1e-7, 1e7))
def test_decimals_survive_float32(value: float) -> None:
    short = float(f"{value:.5g}")
    assert as_decimal(float(np.float32(short))) == short


def test_damaged_weights_are_refused(
    tiny_model_dir: Path, make_model: Callable[..., tuple[Any, Path]], tmp_path: Path
) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(tiny_model_dir, path, file_type="f32", name="tiny")
    content = bytearray(path.read_bytes())
    content[-64:-60] = b"\xff\xff\xff\xff"  # a NaN in the last tensor
    path.write_bytes(content)
    with pytest.raises(UserError, match="not finite"):
        load_gguf(path)
