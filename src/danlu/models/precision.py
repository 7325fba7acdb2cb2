"""The number format of matrix products."""

from __future__ import annotations

from typing import Literal

import torch

from danlu.hardware.machine import supports_fast_bfloat16


def compute_dtype(precision: Literal["auto", "bf16", "fp16", "fp32", "fp8"]) -> torch.dtype:
    """The dtype of what goes from layer to layer: ``auto`` is bfloat16 where it is fast, else float32.

    With ``fp8`` it is bfloat16, and only the linear layers' products are taken in float8 (see `danlu.models.float8`).
    """
    if precision == "fp32" or (precision == "auto" and not supports_fast_bfloat16()):
        return torch.float32
    return torch.float16 if precision == "fp16" else torch.bfloat16
