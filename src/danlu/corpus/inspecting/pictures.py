"""The page's pictures, as SVG that takes its colours from the page. There are no words in them, only numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from danlu.corpus.inspecting.lengths import Histogram
from danlu.corpus.inspecting.thresholds import Curve
from danlu.pages.svg import nice_ticks, svg, text

WIDE, NARROW = 760, 360
HEIGHT, BOTTOM, SIDE, TOP = 170, 24, 6, 16
CURVE_WIDTH, CURVE_HEIGHT = 380, 150

Axis = Callable[[float], float]


def histogram_chart(histogram: Histogram, width: int, marks: dict[str, float]) -> str:
    """Bars on a logarithmic scale of lengths.

    Args:
        histogram: With edges of at least 0.
        width: Of the picture; narrow screens get another one than wide ones.
        marks: Values to mark, by what is written at them.
    """
    x = _logarithmic(histogram.edges, width)
    highest = max(histogram.counts) or 1
    parts = [
        _bar(x(low), x(high), count / highest, HEIGHT, "bar", f"{low:,.0f} – {high - 1:,.0f}: {count:,}")
        for low, high, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False)
        if count
    ]
    for label, value in marks.items():
        at = x(value)
        parts.append(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 2}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(text(at, TOP - 5, label, "axis", "middle"))
    parts += _tick_marks(_log_ticks(histogram.edges, width), x, width, HEIGHT)
    return svg(width, HEIGHT, parts)


def curve_chart(curve: Curve) -> str:
    """Rows by their tag, kept ones in front; how many would be kept at each place; and the threshold as a line that a
    slider moves."""
    x = axis_of(curve)
    highest = max((a + b for a, b in zip(curve.bars_kept, curve.bars_left_out, strict=True)), default=0) or 1
    parts = []
    bars = zip(curve.edges, curve.edges[1:], curve.bars_kept, curve.bars_left_out, strict=False)
    for low, high, kept, left_out in bars:
        both = kept + left_out
        if both:
            title = f"{low:.4g} – {high:.4g}: {kept:,} / {both:,}"
            parts.append(_bar(x(low), x(high), both / highest, CURVE_HEIGHT, "bar gone", title))
        if kept:
            parts.append(_bar(x(low), x(high), kept / highest, CURVE_HEIGHT, "bar kept", title))
    most = max(curve.kept, default=0) or 1
    floor = CURVE_HEIGHT - BOTTOM
    points = " ".join(
        f"{x(place):.1f},{floor - kept / most * (floor - TOP):.1f}"
        for place, kept in zip(curve.places, curve.kept, strict=True)
    )
    parts.append(f'<polyline class="line" points="{points}"/>')
    at = x(curve.threshold)
    parts.append(f'<line class="now" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{floor}"/>')
    parts.append(f'<line class="moved" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{floor}"/>')
    low, high = curve.edges[0], curve.edges[-1]
    ticks = _log_ticks(curve.edges, CURVE_WIDTH) if _is_wide(curve) else nice_ticks(low, high, 5)
    parts += _tick_marks([tick for tick in ticks if low <= tick <= high], x, CURVE_WIDTH, CURVE_HEIGHT)
    return svg(CURVE_WIDTH, CURVE_HEIGHT, parts)


def axis_of(curve: Curve) -> Axis:
    """From a value of the tag to its place in the picture of a curve."""
    if _is_wide(curve):
        return _logarithmic(curve.edges, CURVE_WIDTH)
    low, high = curve.edges[0], curve.edges[-1]
    return lambda value: SIDE + (min(max(value, low), high) - low) / (high - low) * (CURVE_WIDTH - 2 * SIDE)


def _is_wide(curve: Curve) -> bool:
    """Whether the bars are of equal ratios rather than of equal widths."""
    widths = [high - low for low, high in zip(curve.edges, curve.edges[1:], strict=False)]
    return max(widths) > 3 * min(widths)


def _logarithmic(edges: Sequence[float], width: int) -> Axis:
    """Of 1 + value, so that zero has a place."""
    low, high = math.log1p(edges[0]), math.log1p(edges[-1])

    def x(value: float) -> float:
        inside = min(max(value, edges[0]), edges[-1])
        return SIDE + (math.log1p(inside) - low) / (high - low) * (width - 2 * SIDE)

    return x


def _log_ticks(edges: Sequence[float], width: int) -> list[float]:
    low, high = edges[0], edges[-1]
    steps = (1, 2, 5) if high / max(low, 1) < (3000 if width >= CURVE_WIDTH * 1.5 else 60) else (1,)
    ticks = [step * 10.0**power for power in range(13) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _tick_marks(ticks: Sequence[float], x: Axis, width: int, height: int) -> list[str]:
    parts = [f'<line class="base" x1="0" x2="{width}" y1="{height - BOTTOM}" y2="{height - BOTTOM}"/>']
    for tick in ticks:
        at = x(tick)
        parts.append(text(at, height - BOTTOM + 16, _short(tick), "axis", "start" if at < 14 else "middle"))
    return parts


def _short(value: float) -> str:
    """``1.5k``, ``2M``."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _bar(left: float, right: float, share: float, height: int, kind: str, title: str) -> str:
    tall = max(share * (height - BOTTOM - TOP), 1.5)
    width = max(right - left - min(1.0, (right - left) * 0.15), 0.8)
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{height - BOTTOM - tall:.1f}" width="{width:.1f}"'
        f' height="{tall:.1f}"><title>{escape(title)}</title></rect>'
    )
