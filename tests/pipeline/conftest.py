"""Toy recipes for the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import toys


@pytest.fixture
def recipe_file(tmp_path: Path) -> Callable[[str], Path]:
    """``recipe_file(text)``: a recipe on disk."""

    def write(text: str = toys.RECIPE) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
