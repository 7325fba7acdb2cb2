"""Danlu: from a folder of raw data to a private language model, trained, proven and served on your own machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from danlu.pipeline.api import plan, run

__all__ = ["__version__", "plan", "run"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `import danlu` costs nothing.
    if name in ("plan", "run"):
        from danlu.pipeline import api

        return getattr(api, name)
    raise AttributeError(f"module 'danlu' has no attribute {name!r}")
