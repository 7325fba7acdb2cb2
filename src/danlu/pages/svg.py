"""What pictures are made of: SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape


def nice_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers, evenly spaced, from at or below `low` to at or above `high`."""
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / (most - 1)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]


def svg(width: float, height: float, parts: Sequence[str], title: str = "") -> str:
    """A picture of parts, which are SVG already; the page scales it."""
    label = f' aria-label="{escape(title, quote=True)}"' if title else ""
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img"{label}>{"".join(parts)}</svg>'


def text(x: float, y: float, content: str, kind: str, anchor: str) -> str:
    """A line of text, escaped."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'
