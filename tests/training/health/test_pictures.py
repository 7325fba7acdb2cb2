"""Pictures show what is there, and the text is what transformers goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.load import load_causal_lm
from danlu.telemetry.metrics import MetricsWriter
from danlu.training.batches import micro_batch
from danlu.training.health.look import Look
from danlu.training.health.pictures import PIXELS, attention_map, decoder_of, go_on, some_numbers, take_pictures
from danlu.training.rows.packed import PackedRows
from packed_rows import make_store


def test_tensorboard_shows_distributions_maps_and_texts(tiny_model_dir: Path, tmp_path: Path) -> None:
    register_document_attention()
    model = load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION)
    micro = micro_batch([PackedRows(make_store([[60, 8]]), seed=0).row(0)])
    look = Look(model)
    findings = look.at(micro, wants_pictures=True)
    decode = decoder_of(tiny_model_dir, model)
    pictures = take_pictures(findings, dict(model.named_parameters()), micro, look.mirror, decode)
    writer = MetricsWriter(tmp_path, 1)
    writer.show(7, pictures)
    writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    tags = events.Tags()
    assert {"parameters/layers.1.mlp", "activations/layers.0"} <= set(tags["histograms"])
    assert not any(name.startswith("gradients/") for name in tags["histograms"])  # there were none
    assert tags["images"] == ["attention/layers.0", "attention/layers.1"]
    (map_of_first,) = events.Images("attention/layers.0")
    assert (map_of_first.step, map_of_first.height, map_of_first.width) == (7, 60 * PIXELS, 4 * 61 * PIXELS)
    (text,) = events.Tensors("text/text_summary")
    assert b"the model goes on" in text.tensor_proto.string_val[0]
    histogram = events.Histograms("activations/layers.1.mlp")[0].histogram_value
    assert histogram.max == pytest.approx(float(findings.outputs["layers.1.mlp"].max()), rel=1e-5)


def test_the_model_goes_on_as_transformers_generates(tiny_model: Any) -> None:
    prompt = torch.tensor([5, 17, 300, 2, 77])
    plain = tiny_model.generate(
        prompt[None], max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0, use_cache=False
    )
    assert go_on(tiny_model, prompt, 8) == plain[0, 5:].tolist()


def test_maps_have_the_heads_side_by_side() -> None:
    weights = torch.rand(3, 5, 5).tril()
    image = attention_map(weights)[::PIXELS, ::PIXELS]
    assert image.shape == (5, 3 * 6)
    for head in range(3):
        own = weights[head] / weights[head].amax(-1, keepdim=True)
        np.testing.assert_allclose(image[:, head * 6 : head * 6 + 5], own.numpy(), rtol=1e-6)
        assert (image[:, head * 6 + 5] == 1).all()


def test_histograms_leave_out_what_is_not_finite_and_take_some_of_many() -> None:
    assert some_numbers([torch.tensor([1.0, torch.nan, torch.inf, 2.0])]).tolist() == [1.0, 2.0]
    some = some_numbers([torch.randn(300_000), torch.ones(100_000)])
    assert 10_000 < len(some) <= 2**14 + 2
    assert (some == 1).mean() == pytest.approx(0.25, abs=0.02)
