"""Chunked linear cross-entropy against torch's own on the full logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from danlu.models import head as head_module
from danlu.models.head import Head, linear_cross_entropy, token_losses


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "CHUNK_TOKENS", 7)
    monkeypatch.setattr(head_module, "TRAINED_CHUNK_TOKENS", 7)


@pytest.mark.parametrize("num_targets", [1, 7, 20])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_loss_and_gradients_equal_those_of_the_full_logits(
    num_targets: int, scale: float, softcap: float | None, with_bias: bool, label_smoothing: float
) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(num_targets, 12, dtype=torch.float64)
    weight = torch.randn(50, 12, dtype=torch.float64)
    bias = torch.randn(50, dtype=torch.float64) if with_bias else None
    targets = torch.randint(0, 50, (num_targets,))
    ours = [tensor.float().requires_grad_() for tensor in (hidden, weight, bias) if tensor is not None]
    exact = [tensor.clone().requires_grad_() for tensor in (hidden, weight, bias) if tensor is not None]

    head = Head(weight=ours[1], bias=ours[2] if with_bias else None, scale=scale, softcap=softcap)
    loss = linear_cross_entropy(ours[0], head, targets, label_smoothing)
    (loss * 0.5).backward()

    logits = torch.nn.functional.linear(exact[0], exact[1], exact[2] if with_bias else None) * scale
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    reference = cross_entropy(logits, targets, reduction="sum", label_smoothing=label_smoothing)
    (reference * 0.5).backward()

    torch.testing.assert_close(loss.double(), reference.detach(), rtol=1e-6, atol=1e-6)
    for mine, theirs in zip(ours, exact, strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_in_16_bits_sums_are_kept_in_float32(is_compiled: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    vocabulary = 70_000  # nearly equal logits of so many sum up to more than float16 holds
    tensors = [torch.randn(20, 12), torch.randn(vocabulary, 12) * 0.1, torch.randn(vocabulary)]
    hidden, weight, bias = (tensor.to(dtype).requires_grad_() for tensor in tensors)
    targets = torch.randint(0, vocabulary, (20,))
    exact = [tensor.to(dtype).double().requires_grad_() for tensor in tensors]
    reference = cross_entropy(torch.nn.functional.linear(*exact), targets, reduction="sum")
    reference.backward()
    loss = linear_cross_entropy(hidden, Head(weight=weight, bias=bias), targets, is_compiled=is_compiled)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(reference.item(), rel=3e-3)
    for mine, theirs in zip((hidden, weight, bias), exact, strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert mine.grad.dtype == dtype
        assert float((mine.grad - theirs.grad).norm() / theirs.grad.norm()) < 1e-2


def test_nothing_to_predict_is_no_loss() -> None:
    hidden = torch.randn(0, 4, requires_grad=True)
    loss = linear_cross_entropy(hidden, Head(weight=torch.randn(9, 4), bias=None), torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0.0


def test_never_holds_the_full_logits() -> None:
    """The largest tensor made has CHUNK_TOKENS rows."""
    hidden, weight = torch.randn(100, 5, requires_grad=True), torch.randn(33, 5)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and out.ndim == 2 and out.shape[1] == 33:
                largest = max(largest, out.shape[0])
            return out

    with Watch():
        linear_cross_entropy(hidden, Head(weight=weight, bias=None), torch.randint(0, 33, (100,)))
    assert largest == 7


def test_token_losses_are_the_unsummed_ones() -> None:
    hidden, weight, targets = torch.randn(20, 8), torch.randn(33, 8), torch.randint(0, 33, (20,))
    expected = cross_entropy(hidden @ weight.T, targets, reduction="none")
    torch.testing.assert_close(token_losses(hidden, Head(weight=weight, bias=None), targets), expected)
