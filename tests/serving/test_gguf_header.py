"""The quick reader against what the gguf package wrote."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from danlu.errors import UserError
from danlu.serving.engines.gguf_header import read_header


def write(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(8192)
    writer.add_rope_freq_base(100000.0)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ '你好' }}")
    writer.add_token_list(["a", "bc", "丹"])
    writer.add_token_types([1, 1, 3])
    writer.add_tensor("token_embd.weight", np.zeros((3, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_header(tmp_path: Path) -> None:
    write(tmp_path / "model.gguf")
    header = read_header(tmp_path / "model.gguf")
    assert header == {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "llama.rope.freq_base": 100000.0,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{{ '你好' }}",
        "tokenizer.ggml.tokens": 3,
        "tokenizer.ggml.token_type": 3,
    }


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = tmp_path / "model.gguf"
    write(whole)
    data = whole.read_bytes()
    cut = tmp_path / "cut.gguf"
    end_of_header = data.index(b"token_embd.weight") - 8
    for size in range(0, end_of_header - 12, 7):
        cut.write_bytes(data[:size])
        with pytest.raises(UserError):
            read_header(cut)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_header(tmp_path / "none.gguf")
