"""The page's pictures, as SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from danlu.monitoring.curves import Floats, Series
from danlu.monitoring.finding import Bars, Evidence
from danlu.monitoring.statistics import levels
from danlu.pages.svg import nice_ticks, svg, text

WIDTH, HEIGHT = 720, 250
SMALL = 400
"""Width of a picture of which two stand side by side."""
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 14, 26
MOST_POINTS = 600
"""Of a line; neighbours beyond are drawn as their lowest and highest value."""
COLOURS = 6
MANY = 200
"""From so many values on, the outermost of them may lie outside of the picture."""
FEWEST_FOR_LEVELS = 60
"""From so many points on, a noisy line is drawn faintly with its medians above."""
BAR_HEIGHT = 26
MOST_BARS = 24

Axis = Callable[[float], float]


def chart(evidence: Evidence, width: int = WIDTH) -> str:
    """One picture; what is narrower is shown larger in the same room."""
    if evidence.bars is not None:
        return _bars(evidence.bars, logarithmic=evidence.logarithmic)
    return _lines(evidence, width)


def _lines(evidence: Evidence, width: int) -> str:
    finite = {name: series.finite for name, series in evidence.series.items()}
    finite = {name: _positive(series) if evidence.logarithmic else series for name, series in finite.items()}
    finite = {name: series for name, series in finite.items() if len(series)}
    if not finite:
        return ""
    steps = np.concatenate([series.steps for series in finite.values()])
    x_ticks = nice_ticks(float(steps.min()), float(steps.max()), most=7 if width == WIDTH else 4)
    first, last = float(steps.min()), float(max(steps.max(), steps.min() + 1))
    y_ticks, y = _vertical(evidence, finite)

    def x(step: float) -> float:
        return LEFT + (step - first) / (last - first) * (width - LEFT - RIGHT)

    parts = []
    if evidence.region:
        begin, end = (min(max(x(step), LEFT), width - RIGHT) for step in (evidence.region.first, evidence.region.last))
        parts.append(
            f'<rect class="region" x="{begin:.1f}" y="{TOP}" width="{max(end - begin, 2):.1f}"'
            f' height="{HEIGHT - TOP - BOTTOM}"/>'
        )
        anchor = "start" if begin < width / 2 else "end"
        place = begin + 6 if anchor == "start" else end - 6
        parts.append(text(place, TOP + 14, evidence.region.label, "regionlabel", anchor))
    for tick in y_ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(text(LEFT - 8, y(tick) + 4, f"{tick:g}", "axis", "end"))
    for tick in x_ticks:
        if first <= tick <= last:
            parts.append(text(x(tick), HEIGHT - BOTTOM + 18, f"{tick:,.10g}", "axis", "middle"))
    for number, (_, series) in enumerate(finite.items()):
        parts += _line(series, x, y, number % COLOURS)
    if evidence.limit is not None and (not evidence.logarithmic or evidence.limit > 0):
        at = y(evidence.limit)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(text(width - RIGHT - 4, at - 5, evidence.limit_label, "limitlabel", "end"))
    parts.append(text(LEFT - 8, HEIGHT - BOTTOM + 18, "step", "axis", "end"))
    return svg(width, HEIGHT, parts, evidence.title)


def _positive(series: Series) -> Series:
    kept = series.values > 0
    return Series(series.steps[kept], series.values[kept])


def _vertical(evidence: Evidence, finite: dict[str, Series]) -> tuple[list[float], Axis]:
    """Ticks, and from a value to its height. A single wild value must not flatten the rest: the outermost hundredth of
    the values may lie outside and is drawn at the edge."""
    values = np.concatenate([series.values for series in finite.values()])
    outside = 0.5 if len(values) >= MANY else 0.0
    low, high = (float(each) for each in np.percentile(values, [outside, 100 - outside]))
    if evidence.limit is not None:
        low, high = min(low, evidence.limit), max(high, evidence.limit)
    span = HEIGHT - TOP - BOTTOM
    if evidence.logarithmic:
        bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
        top = max(top, bottom + 1)
        every = max(1, -(-(top - bottom) // 6))
        ticks = [10.0**power for power in range(bottom, top + 1, every)]

        def y(value: float) -> float:
            share = (math.log10(max(value, 1e-300)) - bottom) / (top - bottom)
            return TOP + (1 - min(max(share, 0.0), 1.0)) * span
    else:
        ticks = nice_ticks(low, high, most=6)

        def y(value: float) -> float:
            share = (value - ticks[0]) / (ticks[-1] - ticks[0])
            return TOP + (1 - min(max(share, 0.0), 1.0)) * span

    return ticks, y


def _line(series: Series, x: Axis, y: Axis, colour: int) -> list[str]:
    noisy = len(series) >= FEWEST_FOR_LEVELS
    steps, values = _thinned(series)
    faint = " faint" if noisy else ""
    parts = [_path(steps, values, x, y, f"line c{colour}{faint}")]
    if noisy:
        course = levels(series)
        parts.append(_path(course.steps, course.values, x, y, f"line c{colour}"))
    elif len(series) <= 40:
        parts += [f'<circle class="dot c{colour}" cx="{x(step):.1f}" cy="{y(value):.1f}" r="2.6"/>'
                  for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)]  # fmt: skip
    return parts


def _thinned(series: Series) -> tuple[Floats, Floats]:
    if len(series) <= MOST_POINTS:
        return series.steps, series.values
    steps, values = [], []
    for group in np.array_split(np.arange(len(series)), MOST_POINTS // 2):
        part = series.values[group]
        for place in sorted({int(part.argmin()), int(part.argmax())}):
            steps.append(series.steps[group[place]])
            values.append(part[place])
    return np.array(steps), np.array(values)


def _path(steps: Floats, values: Floats, x: Axis, y: Axis, kind: str) -> str:
    points = " ".join(
        f"{x(step):.1f},{y(value):.1f}" for step, value in zip(steps.tolist(), values.tolist(), strict=True)
    )
    return f'<polyline class="{kind}" points="{points}"/>'


def _bars(bars: Bars, *, logarithmic: bool) -> str:
    """Lying bars, with their names at the left and their values at the end."""
    left, right = 150, 90
    lengths = bar_lengths(bars, logarithmic=logarithmic)
    parts = []
    for number, (name, length) in enumerate(lengths.items()):
        top = TOP + number * BAR_HEIGHT
        width = max(length * (WIDTH - left - right), 1.5)
        kind = "bar marked" if name in bars.marked else "bar"
        parts.append(text(left - 12, top + 15, name, "label", "end"))
        parts.append(
            f'<rect class="{kind}" x="{left}" y="{top + 2}" width="{width:.1f}" height="{BAR_HEIGHT - 8}" rx="2"/>'
        )
        parts.append(text(left + width + 8, top + 15, describe(bars.values[name], bars.unit), "value", "start"))
    return svg(WIDTH, TOP + len(lengths) * BAR_HEIGHT + 8, parts)


def bar_lengths(bars: Bars, *, logarithmic: bool) -> dict[str, float]:
    """From 0 to 1, of the first `MOST_BARS`. Logarithmic ones begin a decade below the smallest value."""
    shown = dict(list(bars.values.items())[:MOST_BARS])
    if not logarithmic:
        longest = max(*shown.values(), 1e-300) if shown else 1.0
        return {name: value / longest for name, value in shown.items()}
    powers = {name: math.log10(max(value, 1e-300)) for name, value in shown.items()}
    low, high = min(powers.values()), max(powers.values())
    return {name: (power - low + 1) / (high - low + 1) for name, power in powers.items()}


def describe(value: float, unit: str) -> str:
    """A bar's value in words."""
    if unit == "share":
        return f"{value:.0%}"
    number = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e12 else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
