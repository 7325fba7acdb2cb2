"""Parameters that stay as they are."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from danlu.errors import UserError
from danlu.training.optimizers.groups import check_patterns, trained_by_name


def freeze(model: Any, patterns: list[str]) -> Any:
    """`model`, no longer training the parameters whose names match.

    Raises:
        UserError: a pattern matches nothing, or nothing is left to train.
    """
    trained = trained_by_name(model)
    check_patterns(patterns, trained, "freeze")
    for name, parameter in trained.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            parameter.requires_grad_(False)
    if not trained_by_name(model):
        raise UserError(
            f"The setting freeze leaves none of the {len(trained)} trainable parameters to train.",
            "Narrow its patterns, or take one out.",
        )
    return model
