"""Curves in a terminal, of braille dots: each character holds two by four of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from rich.text import Text

Points = tuple[Sequence[float], Sequence[float]]
"""Places from left to right, and values."""
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille character by column and row."""
STYLES = ("cyan", "yellow", "green", "magenta", "blue", "bright_black")
LABEL = 9
MANY = 200
"""From so many values on, the outermost of them may lie outside of the plot."""


def plot(
    curves: Mapping[str, Points],
    *,
    width: int,
    height: int = 7,
    region: tuple[float, float] | None = None,
    limit: float | None = None,
    logarithmic: bool = False,
) -> list[Text]:
    """Lines of text, `height` of the plot and one with the steps below.

    Args:
        curves: By name; several are drawn in different colours.
        width: Of a line, in characters.
        height: In characters.
        region: Steps from where to where the plot is marked.
        limit: A value that is drawn across.
        logarithmic: Values are shown on a logarithmic scale; what is not above zero is left out.
    """
    kept = {name: _shown(points, logarithmic=logarithmic) for name, points in curves.items()}
    kept = {name: points for name, points in kept.items() if len(points[0])}
    if not kept:
        return []
    columns = max(width - LABEL - 1, 8)
    steps = np.concatenate([points[0] for points in kept.values()])
    values = np.concatenate([points[1] for points in kept.values()])
    drawn_limit = None if limit is None or (logarithmic and limit <= 0) else math.log10(limit) if logarithmic else limit
    outside = 0.5 if len(values) >= MANY else 0.0
    low, high = (float(each) for each in np.percentile(values, [outside, 100 - outside]))
    if drawn_limit is not None:
        low, high = min(low, drawn_limit), max(high, drawn_limit)
    if high - low < 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    first, last = float(steps.min()), float(max(steps.max(), steps.min() + 1))
    bits = np.zeros((height, columns), np.int64)
    owner = np.zeros((height, columns), np.int64)
    for number, (x, y) in enumerate(kept.values()):
        _draw(bits, owner, (x - first) / (last - first), (y - low) / (high - low), number)
    marked = _marked(region, first, last, columns)
    across = None if drawn_limit is None else round((1 - (drawn_limit - low) / (high - low)) * (height - 1))
    lines = []
    for row in range(height):
        shown = {0: high, height - 1: low}.get(row)
        line = Text(_label(shown, logarithmic=logarithmic).rjust(LABEL) + " ", style="dim")
        for column in range(columns):
            style = STYLES[owner[row, column] % len(STYLES)]
            character = chr(0x2800 + int(bits[row, column])) if bits[row, column] else "┄" if row == across else " "
            if not bits[row, column]:
                style = "dim"
            line.append(character, style=f"{style} on #3a1f1d" if marked[column] else style)
        lines.append(line)
    ends = f"{first:,.6g}", f"{last:,.6g}"
    lines.append(
        Text(" " * (LABEL + 1) + ends[0] + "step".center(columns - len(ends[0]) - len(ends[1])) + ends[1], "dim")
    )
    return lines


def bars(values: Mapping[str, str], shares: Mapping[str, float], marked: Sequence[str], *, width: int) -> list[Text]:
    """A line for each value.

    Args:
        values: In words, by name.
        shares: Lengths, 0 to 1.
        marked: Names that are drawn in red.
        width: Of the longest bar, in characters.
    """
    longest = max(map(len, values), default=0)
    lines = []
    for name, said in values.items():
        line = Text(f"{name.rjust(longest)} ", style="dim")
        line.append("━" * max(1, round(shares[name] * width)), style="red" if name in marked else "cyan")
        line.append(f" {said}", style="dim")
        lines.append(line)
    return lines


def _shown(points: Points, *, logarithmic: bool) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(points[0], np.float64), np.asarray(points[1], np.float64)
    kept = np.isfinite(y) & ((y > 0) if logarithmic else True)
    return x[kept], np.log10(y[kept]) if logarithmic else y[kept]


def _draw(bits: np.ndarray, owner: np.ndarray, x: np.ndarray, y: np.ndarray, number: int) -> None:
    """Join the points, given as shares of the plot, column of dots by column of dots."""
    height, columns = bits.shape
    wide, tall = 2 * columns, 4 * height
    across = np.linspace(0, 1, wide)
    if len(x) > wide:
        edges = np.searchsorted(x, across)
        middle = [np.median(y[start:end]) if end > start else np.nan for start, end in pairwise(edges)]
        found = np.array([*middle, y[-1]])
        found = np.interp(np.arange(wide), np.flatnonzero(~np.isnan(found)), found[~np.isnan(found)])
    else:
        found = np.where((across >= x[0]) & (across <= x[-1]), np.interp(across, x, y), np.nan)
    previous: int | None = None
    for column, share in enumerate(found.tolist()):
        if math.isnan(share):
            previous = None
            continue
        row = round((1 - min(max(share, 0.0), 1.0)) * (tall - 1))
        between = range(min(row, previous), max(row, previous) + 1) if previous is not None else (row,)
        for dot in between:
            bits[dot // 4, column // 2] |= DOTS[column % 2][dot % 4]
            owner[dot // 4, column // 2] = number
        previous = row


def _marked(region: tuple[float, float] | None, first: float, last: float, columns: int) -> list[bool]:
    if region is None:
        return [False] * columns
    begin, end = ((step - first) / (last - first) * columns for step in region)
    return [begin <= column + 0.5 and column <= max(end, begin + 1) for column in range(columns)]


def _label(value: float | None, *, logarithmic: bool) -> str:
    if value is None:
        return ""
    return f"{10**value if logarithmic else value:.3g}"
