"""The number format of matrix products."""

from __future__ import annotations

from typing import Literal

import torch

from danlu.hardware.machine import supports_fast_bfloat16


def compute_dtype(precision: Literal["auto", "bf16", "fp16", "fp32"]) -> torch.dtype:
    """The dtype of matrix products: ``auto`` is bfloat16 where it is fast, else float32."""
    if precision == "fp32" or (precision == "auto" and not supports_fast_bfloat16()):
        return torch.float32
    return torch.float16 if precision == "fp16" else torch.bfloat16
