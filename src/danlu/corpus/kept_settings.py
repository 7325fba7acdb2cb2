"""The settings of a clean stage from what its artifact keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from danlu.artifacts.stage import as_given
from danlu.corpus.config import CleanConfig
from danlu.errors import UserError


def kept_settings(settings: Mapping[str, Any], kind: str) -> CleanConfig | None:
    """None if this version does not know them.

    Args:
        settings: Of a manifest. Where a recipe names scorers, it has pairs: what was taken for each, and its bounds.
        kind: Of the artifact.
    """
    if isinstance(scorers := settings.get("scorers"), list):
        settings = {**settings, "scorers": {name.partition("=")[0]: bounds for name, bounds in scorers}}
    try:
        return CleanConfig.model_validate({**as_given(CleanConfig, settings), "do": "clean", "into": kind})
    except (ValidationError, UserError):
        return None
