"""How much of the held-out text takes part in which comparison."""

from __future__ import annotations

MAX_ROW_TOKENS = 512
"""Rows are cut here, in tokens."""
MAX_EXACT_TOKENS = 128
"""Positions that are also computed in float64."""
MAX_TOKENISED_ROWS = 200
"""Token ids are compared on this many rows."""
