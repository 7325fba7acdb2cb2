"""What a look sees, against transformers' own attention and hooks of the test's; and that it leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from danlu.artifacts.tokens import TokenStore
from danlu.hardware.threads import workers_of_one_thread
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.block_attention import BLOCK_ATTENTION, register_block_attention
from danlu.models.compiling import compile_layers
from danlu.models.load import load_causal_lm
from danlu.training.batches import Batch, BatchStream, MicroBatch, micro_batch
from danlu.training.health import look as look_module
from danlu.training.health.look import Look, first_tokens
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.passes import Passes
from danlu.training.rows.contiguous import ContiguousRows
from encoder_toys import encoder_config

LENGTHS = np.array([30, 17, 45, 1, 64, 33])


@pytest.fixture
def batch() -> Batch:
    tokens = np.random.default_rng(0).integers(0, 400, LENGTHS.sum(), dtype=np.uint16)
    store = TokenStore([tokens], np.concatenate([[0], np.cumsum(LENGTHS)]), supervised=None, row_offsets=None)
    return BatchStream(ContiguousRows(store, 64, seed=0), rows_per_batch=2, rows_at_once=2).at(0)


def plain_passes(directory: Path, micro: MicroBatch) -> Iterator[tuple[Any, torch.Tensor]]:
    """Each document by itself through transformers with its plain attention: the model, and the token ids."""
    model = load_causal_lm(directory, dtype=torch.float32, attention="eager").eval()
    start = 0
    for length in micro.documents.lengths:
        if start < micro.num_tokens:
            yield model, micro.input_ids[:, start : start + length]
        start += length


def test_entropies_are_those_of_transformers_weights(tiny_model_dir: Path, batch: Batch) -> None:
    micro = batch.micro_batches[0]
    register_document_attention()
    found = Look(load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION)).at(micro)
    entropies: list[list[torch.Tensor]] = [[], []]
    for model, ids in plain_passes(tiny_model_dir, micro):
        for layer, weights in enumerate(model(ids, output_attentions=True).attentions):
            for query in range(1, ids.shape[1]):  # the first sees itself only
                seen = weights[0, :, query, : query + 1]
                entropy = -(seen * seen.log()).sum(-1) / np.log(query + 1)
                entropies[layer].append(entropy.detach())
    for layer in (0, 1):
        heads = torch.stack(entropies[layer]).mean(0)
        assert len(heads) == 4
        assert found.metrics[f"attention_entropy/layers.{layer}"] == pytest.approx(float(heads.mean()), rel=1e-4)
        assert found.metrics[f"attention_entropy_lowest/layers.{layer}"] == pytest.approx(float(heads.min()), rel=1e-4)


def test_ranges_are_those_of_the_outputs(tiny_model_dir: Path, batch: Batch) -> None:
    micro = batch.micro_batches[0]
    register_document_attention()
    found = Look(load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION)).at(micro).metrics
    outputs = []
    for model, ids in plain_passes(tiny_model_dir, micro):
        hook = model.model.layers[1].mlp.register_forward_hook(lambda _, __, output: outputs.append(output[0].detach()))
        model(ids)
        hook.remove()
    tokens = torch.cat(outputs)
    assert len(tokens) == micro.num_tokens
    assert found["activation_rms/layers.1.mlp"] == pytest.approx(float(tokens.square().mean().sqrt()), rel=1e-4)
    assert found["activation_max/layers.1.mlp"] == pytest.approx(float(tokens.abs().max()), rel=1e-4)
    assert found["non_finite/layers.1.mlp"] == 0
    assert found["dead_share/layers.0.mlp"] == 0


def test_dead_units_are_found(tiny_model: Any, batch: Batch) -> None:
    register_document_attention()
    tiny_model.config._attn_implementation = DOCUMENT_ATTENTION
    with torch.no_grad():
        tiny_model.model.layers[1].mlp.up_proj.weight[:16] = 0.0  # of 64 units
        tiny_model.model.layers[0].mlp.gate_proj.weight[:] = 0.0
    found = Look(tiny_model).at(batch.micro_batches[0]).metrics
    assert found["dead_share/layers.1.mlp"] == 0.25
    assert found["dead_share/layers.0.mlp"] == 1.0


def test_what_is_not_finite_is_found_where_it_begins(tiny_model: Any, batch: Batch) -> None:
    register_document_attention()
    tiny_model.config._attn_implementation = DOCUMENT_ATTENTION
    with torch.no_grad():
        tiny_model.model.layers[1].mlp.up_proj.weight[0] = torch.nan
    found = Look(tiny_model).at(batch.micro_batches[0]).metrics
    assert found["non_finite/layers.0.mlp"] == found["non_finite/layers.1.self_attn"] == 0
    assert found["non_finite/layers.1.mlp"] > 0


def test_a_look_at_compiled_layers_changes_no_bit(tiny_model_dir: Path, batch: Batch) -> None:
    """Of the next gradient, and the look sees what one at plain layers sees."""
    register_block_attention()
    register_document_attention()
    plain = Look(load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION)).at(
        batch.micro_batches[0]
    )
    model = load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=BLOCK_ATTENTION)
    with workers_of_one_thread() as pool:
        passes = Passes(model, supervised_cross_entropy, preparations=[compile_layers], pool=pool)
        passes.accumulate_gradients(batch)
        before = gradients(passes)
        random_state = torch.get_rng_state()
        seen = Look(passes.whole_model).at(batch.micro_batches[0], wants_pictures=True)
        assert torch.equal(torch.get_rng_state(), random_state)
        passes.accumulate_gradients(batch)
        assert all(torch.equal(one, other) for one, other in zip(before, gradients(passes), strict=True))
        assert seen.metrics == pytest.approx(plain.metrics, rel=1e-4)
        assert model.training
        with torch.no_grad():
            model.lm_head.weight.add_(1.0)
            model.model.embed_tokens.weight.mul_(2.0)
        moved = Look(passes.whole_model).at(batch.micro_batches[0]).metrics
        assert moved["activation_rms/embed_tokens"] == pytest.approx(2 * seen.metrics["activation_rms/embed_tokens"])


def gradients(passes: Passes) -> list[torch.Tensor]:
    found = [parameter.grad for parameter in passes.trained]
    for parameter in passes.trained:
        parameter.grad = None
    return [gradient for gradient in found if gradient is not None]


def test_the_look_sees_the_copy_that_passes_run_over(tiny_model: Any, batch: Batch) -> None:
    register_document_attention()
    tiny_model.config._attn_implementation = DOCUMENT_ATTENTION
    passes = Passes(tiny_model, supervised_cross_entropy, dtype=torch.bfloat16)
    look = Look(passes.whole_model)
    before = look.at(batch.micro_batches[0]).metrics["activation_rms/embed_tokens"]
    with torch.no_grad():
        tiny_model.model.embed_tokens.weight.mul_(2.0)
    passes.accumulate_gradients(batch)
    assert look.at(batch.micro_batches[0]).metrics["activation_rms/embed_tokens"] == pytest.approx(2 * before, rel=1e-3)


def test_encoders_are_looked_at_both_ways(batch: Batch) -> None:
    from transformers import AutoModelForMaskedLM

    register_document_attention()
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(encoder_config(vocab_size=400), attn_implementation=DOCUMENT_ATTENTION)
    found = Look(model).at(batch.micro_batches[0]).metrics
    assert 0 < found["attention_entropy_lowest/encoder.layer.1"] <= found["attention_entropy/encoder.layer.1"] <= 1
    assert found["dead_share/encoder.layer.0.output"] == 0


def test_only_the_first_tokens_are_looked_at(
    tiny_model_dir: Path, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    micro = batch.micro_batches[0]
    cut = first_tokens(micro, 50)
    assert cut.input_ids.shape == cut.position_ids.shape == (1, 50)
    assert sum(cut.documents.lengths) == cut.num_tokens == 50
    assert cut.documents.lengths[:-1] == micro.documents.lengths[: len(cut.documents.lengths) - 1]
    assert first_tokens(micro, micro.num_tokens) is micro

    register_document_attention()
    look = Look(load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION))
    whole = look.at(micro).metrics
    monkeypatch.setattr(look_module, "MOST_TOKENS", 50)
    assert look.at(micro).metrics["activation_max/layers.1"] <= whole["activation_max/layers.1"]


def test_rows_of_one_length_are_seen_row_by_row(tiny_model_dir: Path) -> None:
    """Documents do not reach over the end of a row, whatever stands in the other rows."""
    register_document_attention()
    look = Look(load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=DOCUMENT_ATTENTION))
    tokens = np.random.default_rng(1).integers(0, 400, 640, dtype=np.uint16)
    store = TokenStore([tokens], np.array([0, 640]), supervised=None, row_offsets=None)
    rows = ContiguousRows(store, 64, seed=0)
    both = look.at(micro_batch([rows.row(0), rows.row(1)])).metrics
    each = [look.at(micro_batch([rows.row(place)])).metrics for place in (0, 1)]
    name = "activation_max/layers.1"
    assert both[name] == pytest.approx(max(one[name] for one in each), rel=1e-4)
