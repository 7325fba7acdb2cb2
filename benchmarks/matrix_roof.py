"""How many floating point operations per second this machine's matrix products in bf16 do, on all its cores.

The roof is the best of large square products and of those of the model's own shapes, whose smaller operands stay in the
caches.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import torch

SQUARES = (2048, 3072, 4096)
OF_THE_MODEL = {
    "queries, keys, values, output": (4096, 384, 384),
    "into the feed-forward layer": (4096, 384, 1024),
    "out of the feed-forward layer": (4096, 1024, 384),
    "weight gradient of the feed-forward layer": (384, 4096, 1024),
    "head, a chunk of tokens": (512, 384, 16384),
}
"""Rows, inner size and columns, at 8 rows of 512 tokens."""
SECONDS = 2.0
"""For which each shape is measured."""


def main() -> None:
    with torch.inference_mode():
        squares = {str(size): rate((size, size, size)) for size in SQUARES}
        model = {name: rate(shape) for name, shape in OF_THE_MODEL.items()}
    facts = {"roof": max([*squares.values(), *model.values()]), "squares": squares, "of_the_model": model}
    print(json.dumps(facts))


def rate(shape: Sequence[int]) -> float:
    """Floating point operations per second of products of this shape, kept up for a while, as training has to."""
    rows, inner, columns = shape
    left, right = (torch.randn(size, dtype=torch.bfloat16) for size in ((rows, inner), (inner, columns)))
    product = torch.empty(rows, columns, dtype=torch.bfloat16)
    torch.mm(left, right, out=product)  # its kernel is made
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS:
        torch.mm(left, right, out=product)
        count += 1
    return 2 * rows * inner * columns * count / seconds


if __name__ == "__main__":
    main()
