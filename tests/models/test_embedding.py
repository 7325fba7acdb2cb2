"""Embeddings of many texts equal what transformers says of each alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from danlu.errors import UserError
from danlu.models.embedding import Embedder
from encoder_directory import WORDS, make_encoder


def test_each_text_gets_the_mean_of_its_own_tokens(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    directory = make_encoder(tmp_path / "encoder")
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 120, 50)]
    found = Embedder(directory, 40).embed(texts)
    model, tokenizer = AutoModel.from_pretrained(directory).eval(), AutoTokenizer.from_pretrained(directory)
    for text, embedding in zip(texts, found, strict=True):
        inputs = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")
        with torch.no_grad():
            mean = model(**inputs).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(embedding, mean / np.linalg.norm(mean), atol=2e-6)


def test_no_more_is_seen_than_the_model_can(tmp_path: Path) -> None:
    embedder = Embedder(make_encoder(tmp_path / "encoder"), 5000)
    long, longer = "the fox " * 100, "the fox " * 400
    assert (embedder.embed([long]) == embedder.embed([longer])).all()
    assert embedder.embed([]).shape == (0, 32)


def test_a_causal_model_gives_no_embeddings(tiny_model_dir: Path) -> None:
    with pytest.raises(UserError, match="'llama' model gives no embeddings"):
        Embedder(tiny_model_dir, 10)


def test_an_adapter_gives_no_embeddings(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="An adapter alone"):
        Embedder(tmp_path, 10)
