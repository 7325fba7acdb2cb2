"""The report's pictures, as SVG that takes its colours from the page."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt

from danlu.evaluation.results import ModelResult
from danlu.pages.svg import nice_ticks, svg, text

WIDTH = 720
"""Of every picture, in pixels; the page scales them."""
MOST_BARS = 480
"""Above so many rows, each bar stands for several neighbours in the sorted order."""


def interval_chart(models: list[ModelResult]) -> str:
    """A line for each model: its loss as a dot, the interval as a bar."""
    left, right, line_height, top = 150, 70, 38, 8
    bottom = top + line_height * len(models)
    ticks = nice_ticks(min(m.loss_interval[0] for m in models), max(m.loss_interval[1] for m in models))

    def x(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - left - right)

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(text(x(tick), bottom + 16, f"{tick:g}", "axis", "middle"))
    for index, model in enumerate(models):
        y = top + line_height * (index + 0.5)
        low, high = (x(end) for end in model.loss_interval)
        shade = "baseline" if index == 0 else "model"
        parts.append(text(left - 14, y + 4, model.name, "label", "end"))
        parts.append(f'<line class="bar {shade}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot {shade}" cx="{x(model.loss):.1f}" cy="{y}" r="6"/>')
        parts.append(text(high + 10, y + 4, f"{model.loss:.3f}", "value", "start"))
    parts.append(
        text((left + WIDTH - right) / 2, bottom + 36, "loss in nats per token; less is better", "axis", "middle")
    )
    return svg(WIDTH, bottom + 44, parts)


def difference_chart(row_ids: list[str], differences: npt.NDArray[np.float64]) -> str:
    """The rows' differences, sorted: how many rows got better, how many worse, and by how much.

    Args:
        row_ids: Length num_rows.
        differences: Shape (num_rows,), loss of the model minus loss of the baseline, in nats per token.
    """
    left, right, top, height = 60, 12, 10, 220
    order = np.argsort(differences, kind="stable")
    groups = np.array_split(order, min(len(order), MOST_BARS))
    heights = [float(differences[group].mean()) for group in groups]
    ticks = nice_ticks(min(0.0, *heights), max(0.0, *heights))

    def y(value: float) -> float:
        return top + (ticks[-1] - value) / (ticks[-1] - ticks[0]) * height

    parts = []
    for tick in ticks:
        kind = "zero" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{left}" x2="{WIDTH - right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(text(left - 8, y(tick) + 4, f"{tick:g}", "axis", "end"))
    step = (WIDTH - left - right) / len(groups)
    for index, (group, value) in enumerate(zip(groups, heights, strict=True)):
        first, last = sorted((y(0), y(value)))
        who = f"row {row_ids[group[0]]}" if len(group) == 1 else f"{len(group)} rows"
        parts.append(
            f'<rect class="{"better" if value < 0 else "worse"}" x="{left + index * step:.2f}" y="{first:.1f}" '
            f'width="{step * 0.86:.2f}" height="{max(last - first, 0.5):.1f}">'
            f"<title>{escape(who)}: {value:+.3f}</title></rect>"
        )
    parts.append(text((left + WIDTH - right) / 2, top + height + 22, "held-out rows, sorted", "axis", "middle"))
    return svg(WIDTH, top + height + 30, parts)
