"""Which number format matrix products run in."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from danlu.models import precision as precision_module
from danlu.models.precision import compute_dtype


@pytest.mark.parametrize(
    ("precision", "fast", "expected"),
    [
        ("auto", True, torch.bfloat16),
        ("auto", False, torch.float32),
        ("bf16", True, torch.bfloat16),
        ("bf16", False, torch.bfloat16),
        ("fp32", True, torch.float32),
        ("fp32", False, torch.float32),
    ],
)
def test_auto_follows_the_machine_and_the_others_do_not(
    monkeypatch: pytest.MonkeyPatch, precision: Literal["auto", "bf16", "fp32"], fast: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(precision_module, "supports_fast_bfloat16", lambda: fast)
    assert compute_dtype(precision) == expected
