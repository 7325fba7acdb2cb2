"""Passes in other number formats, compiled, and with activations computed again, against plain ones in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_stage import settings

from danlu.artifacts.tokens import TokenStore
from danlu.hardware.threads import workers_of_one_thread
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.block_attention import BLOCK_ATTENTION, register_block_attention
from danlu.models.compiling import compile_layers
from danlu.models.load import load_causal_lm
from danlu.training.batches import Batch, BatchStream
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.passes import Passes, rounded_copy
from danlu.training.rows.contiguous import ContiguousRows
from danlu.training.setup import load_trainable, make_passes, make_scaler

LENGTHS = np.array([30, 200, 45, 1, 64, 90, 41, 170, 88])


@pytest.fixture
def batch() -> Batch:
    tokens = np.random.default_rng(0).integers(0, 400, LENGTHS.sum(), dtype=np.uint16)
    store = TokenStore([tokens], np.concatenate([[0], np.cumsum(LENGTHS)]), supervised=None, row_offsets=None)
    return BatchStream(ContiguousRows(store, 160, seed=0), rows_per_batch=4, rows_at_once=2).at(0)


def gradient(passes: Passes) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten().float() for parameter in passes.trained if parameter.grad is not None])


def relative(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def plain(directory: Path, batch: Batch) -> tuple[float, torch.Tensor]:
    register_document_attention()
    model = load_causal_lm(directory, dtype=torch.float32, attention=DOCUMENT_ATTENTION)
    passes = Passes(model, supervised_cross_entropy)
    return passes.accumulate_gradients(batch), gradient(passes)


def test_compiled_layers_and_loss_change_nothing(tiny_model_dir: Path, batch: Batch) -> None:
    register_block_attention()
    model = load_causal_lm(tiny_model_dir, dtype=torch.float32, attention=BLOCK_ATTENTION)
    expected, expected_gradient = plain(tiny_model_dir, batch)
    with workers_of_one_thread() as pool:
        passes = Passes(model, supervised_cross_entropy, preparations=[compile_layers], pool=pool)
        for _ in range(2):  # the second time all micro-batches go side by side
            assert passes.accumulate_gradients(batch) == pytest.approx(expected, rel=1e-5)
            assert relative(gradient(passes), expected_gradient) < 1e-5
            model.zero_grad()
        assert passes.mean_loss(batch.micro_batches) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.02), ("fp16", 0.003), ("fp32", 1e-6)])
def test_other_number_formats_are_near_and_gradients_are_float32(
    tiny_model_dir: Path, batch: Batch, precision: str, tolerance: float
) -> None:
    config = settings(precision=precision, adapter=None)
    register_document_attention()
    model = load_trainable(tiny_model_dir, config, DOCUMENT_ATTENTION)
    expected, expected_gradient = plain(tiny_model_dir, batch)
    passes = make_passes(model, config, None)
    scale = 128.0 if precision == "fp16" else 1.0
    assert passes.accumulate_gradients(batch, scale) == pytest.approx(expected, rel=tolerance)
    assert {parameter.grad.dtype for parameter in passes.trained if parameter.grad is not None} == {torch.float32}
    assert relative(gradient(passes) / scale, expected_gradient) < tolerance
    assert make_scaler(config).is_enabled() == (precision == "fp16")


def test_every_pass_is_deterministic(tiny_model_dir: Path) -> None:
    """Those of the plan's probe, too: torch compiles anew what was compiled without it."""
    torch.use_deterministic_algorithms(False)
    register_document_attention()
    config = settings(adapter=None)
    make_passes(load_trainable(tiny_model_dir, config, DOCUMENT_ATTENTION), config, None)
    assert torch.are_deterministic_algorithms_enabled()


def test_the_copy_follows_the_weights(tiny_model: Any, batch: Batch) -> None:
    passes = Passes(tiny_model, supervised_cross_entropy, dtype=torch.bfloat16)
    before = passes.mean_loss(batch.micro_batches)
    with torch.no_grad():
        for parameter in passes.trained:
            parameter.mul_(3.0)
    assert passes.mean_loss(batch.micro_batches) != before
    assert {parameter.dtype for parameter in tiny_model.parameters()} == {torch.float32}


def test_a_rounded_copy_keeps_ties_buffers_and_what_is_frozen(tiny_model: Any) -> None:
    tiny_model.set_output_embeddings(tiny_model.get_input_embeddings())
    tiny_model.model.norm.weight.requires_grad_(False)
    rounded = rounded_copy(tiny_model, torch.bfloat16)
    assert rounded.lm_head.weight is rounded.model.embed_tokens.weight
    assert not rounded.model.norm.weight.requires_grad
    assert {parameter.dtype for parameter in rounded.parameters()} == {torch.bfloat16}
    assert {buffer.dtype for buffer in rounded.buffers()} == {buffer.dtype for buffer in tiny_model.buffers()}


@pytest.mark.parametrize(
    ("adapter", "attention"), [(None, DOCUMENT_ATTENTION), ({"rank": 4}, DOCUMENT_ATTENTION), (None, BLOCK_ATTENTION)]
)
def test_activation_checkpointing_changes_nothing_and_keeps_less(
    tiny_model_dir: Path, batch: Batch, adapter: dict[str, int] | None, attention: str
) -> None:
    register_document_attention()
    register_block_attention()
    found = {}
    for wanted in (False, True):
        config = settings(precision="fp32", adapter=adapter, activation_checkpointing=wanted)
        model = load_trainable(tiny_model_dir, config, attention)
        passes = make_passes(model, config, None)
        kept = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            loss = passes.accumulate_gradients(batch)
        found[wanted] = (loss, gradient(passes), kept)
    if attention == DOCUMENT_ATTENTION:
        assert found[True][0] == found[False][0]
        assert torch.equal(found[True][1], found[False][1])
    else:  # other parts go through the compiler together
        assert found[True][0] == pytest.approx(found[False][0], rel=1e-6)
        assert relative(found[True][1], found[False][1]) < 1e-5
    assert found[True][2] < found[False][2]
