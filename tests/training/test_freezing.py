"""Freezing by name."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.errors import UserError
from danlu.training.freezing import freeze


def test_what_matches_is_no_longer_trained(tiny_model: Any) -> None:
    freeze(tiny_model, ["*embed*", "*.0.*"])
    frozen = {name for name, tensor in tiny_model.named_parameters() if not tensor.requires_grad}
    assert frozen == {name for name, _ in tiny_model.named_parameters() if "embed" in name or ".0." in name}


def test_a_pattern_that_matches_nothing_is_refused(tiny_model: Any) -> None:
    with pytest.raises(UserError, match=r"'\*embd_tokens\*' in freeze matches none") as caught:
        freeze(tiny_model, ["*embd_tokens*"])
    assert "Did you mean 'embed_tokens'?" in caught.value.hint


def test_something_must_be_left(tiny_model: Any) -> None:
    with pytest.raises(UserError, match="leaves none of the 21"):
        freeze(tiny_model, ["*"])
