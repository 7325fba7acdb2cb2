"""How many floating point operations per second this machine's matrix products do at best."""

from __future__ import annotations

import time
from functools import cache

import torch

from danlu.hardware.machine import default_device

GPU_ROOFS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H800": 989e12,
    "H20": 148e12,
    "B200": 2250e12,
    "A100": 312e12,
    "A800": 312e12,
    "A40": 149.7e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}
"""Dense products in bf16 or fp16 with sums in float32, as NVIDIA's data sheets give them, by a part of the name; the
first that fits."""

SIZE = 2048
SECONDS = 0.3
"""For which a CPU is timed."""


@cache
def matrix_roof(dtype: torch.dtype) -> float | None:
    """Operations per second in `dtype`, one multiply-add is two: of a GPU by its data sheet, of a CPU by timing large
    products for a moment. None where it is not known."""
    if default_device() == "cuda":
        if dtype not in (torch.bfloat16, torch.float16):
            return None
        name = torch.cuda.get_device_name()
        return next((roof for part, roof in GPU_ROOFS.items() if part in name), None)
    return _timed(dtype)


def _timed(dtype: torch.dtype) -> float:
    with torch.inference_mode():
        left, right = (torch.full((SIZE, SIZE), 0.5, dtype=dtype) for _ in range(2))
        product = torch.mm(left, right)  # its kernel is made
        count, started = 0, time.perf_counter()
        while (seconds := time.perf_counter() - started) < SECONDS or count < 2:
            torch.mm(left, right, out=product)
            count += 1
    return 2 * SIZE**3 * count / seconds
