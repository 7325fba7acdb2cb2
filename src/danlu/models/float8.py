"""Matrix products in float8, on GPUs that have them (Micikevicius et al. 2022, arXiv:2209.05433), by torchao.

Before each product both factors are scaled to the range of float8, each tensor by one number; sums stay in a wider
format. The head is left as it is, since small differences between logits matter.
"""

from __future__ import annotations

import torch

from danlu.errors import UserError

FIRST_CAPABILITY = (8, 9)
"""Compute capability of the first GPUs with such products (Ada)."""
MULTIPLE = 16
"""Of which inner and outer sizes have to be."""


def require_float8() -> None:
    """Say so if this machine has no such products.

    Raises:
        UserError: it has no GPU, or one too old for it, or torchao is not installed.
    """
    reason = None
    if not torch.cuda.is_available():
        reason = "this machine has none"
    elif (capability := torch.cuda.get_device_capability()) < FIRST_CAPABILITY:
        reason = f"this one has {'.'.join(map(str, capability))}"
    if reason:
        needed = ".".join(map(str, FIRST_CAPABILITY))
        raise UserError(
            f"precision: fp8 needs a GPU of compute capability {needed} or later; {reason}.",
            "Set precision: bf16, or leave it out.",
        )
    try:
        import torchao.float8  # noqa: F401
    except ImportError as error:
        raise UserError("precision: fp8 needs torchao.", "Install it: pip install 'danlu[float8]'") from error


def use_float8(model: torch.nn.Module, *, emulate: bool = False) -> None:
    """Have the linear layers of a transformers model, but for its head, multiply in float8. Weights stay what they are.

    Args:
        model: Is changed in place.
        emulate: Round as float8 does and multiply in float32, which runs anywhere.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training

    def fits(module: torch.nn.Module, name: str) -> bool:
        return (
            isinstance(module, torch.nn.Linear) and module.in_features % MULTIPLE == module.out_features % MULTIPLE == 0
        )

    body = model.base_model
    assert isinstance(body, torch.nn.Module)
    # Where the number of tokens is no multiple of 16, it is filled up to one.
    convert_to_float8_training(
        body, config=Float8LinearConfig(pad_inner_dim=True, emulate=emulate), module_filter_fn=fits
    )
