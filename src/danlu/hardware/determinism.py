"""The same bits from the same work on the same machine."""

from __future__ import annotations

import os


def compute_deterministically() -> None:
    """Have torch take, of several ways to compute something, one that gives the same bits each time.

    On CUDA torch then asks for a fixed workspace for matrix products, or refuses them; a size the user has chosen
    stays. Freshly allocated memory is not filled, which would show reads of what nobody wrote and costs a pass over it.
    """
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
