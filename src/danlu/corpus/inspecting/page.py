"""What was found as one page that needs nothing from outside, in two languages of which the reader chooses one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from danlu.artifacts.store import write_synced
from danlu.corpus.dropped import EXACT, NEAR
from danlu.corpus.inspecting.grouping import common_folder
from danlu.corpus.inspecting.inspection import Inspection
from danlu.corpus.inspecting.moving import Moved
from danlu.corpus.inspecting.pictures import NARROW, WIDE, axis_of, curve_chart, histogram_chart
from danlu.corpus.inspecting.reasons import OWN, READING
from danlu.corpus.inspecting.scoring import WEIGHTS
from danlu.corpus.inspecting.thresholds import Curve
from danlu.errors import UserError
from danlu.pages.rendering import render_page
from danlu.pages.said import Language, Said
from danlu.settings import Workspace

PAGES = "pages"
MOST_CURVES, FEWEST_CURVES = 8, 4
"""With a picture; the others stand in a table. Rules that alone leave out nothing have one only where there are few."""

FILTERS = {
    READING: Said("could not be read", "无法读取"),
    OWN: Said("lengths and patterns", "长度与格式"),
    EXACT: Said("exact duplicates", "完全重复"),
    NEAR: Said("near duplicates", "近似重复"),
}
COMPONENTS = {
    "readable": Said("readable", "可读"),
    "passing": Said("passing", "通过过滤"),
    "rules": Said("rules", "规则"),
    "unique": Said("unique", "不重复"),
    "private": Said("private", "隐私"),
}


def render(inspection: Inspection, moved: Moved | None, language: Language) -> str:
    """The page, with its styles, pictures and script inside."""
    from markupsafe import Markup

    broken = [curve for curve in inspection.curves if curve.num_broken]
    with_picture = broken[: min(MOST_CURVES, max(FEWEST_CURVES, sum(curve.num_alone > 0 for curve in broken)))]
    quantiles = inspection.lengths.quantiles
    marks = {"": quantiles["0.5"]} if quantiles else {}
    histogram = inspection.lengths.histogram
    folder = common_folder([source.name for source in inspection.sources])
    return render_page(
        "danlu.corpus.inspecting",
        "page.html.jinja",
        it=inspection,
        moved=moved,
        code="zh" if language == "chinese" else "en",
        unit=Said(inspection.unit, "篇文档" if inspection.kind == "corpus" else "段对话"),
        filters=FILTERS,
        components=COMPONENTS,
        weights=WEIGHTS,
        folder=folder,
        short=lambda name: name.removeprefix(folder) or name,
        curves=[(curve, Markup(curve_chart(curve))) for curve in with_picture],
        other_curves=[curve for curve in inspection.curves if curve not in with_picture],
        curve_data=[_data(curve) for curve in with_picture],
        lengths_wide=Markup(histogram_chart(histogram, WIDE, marks)),
        lengths_narrow=Markup(histogram_chart(histogram, NARROW, marks)),
    )


def write_page(page: str, path: Path | None, workspace: Workspace, name: str, its_id: str | None) -> Path:
    """Write a page; returns where it lies.

    Args:
        page: HTML.
        path: Where the user wants it; None for the workspace.
        workspace: Of the user.
        name: What it is about.
        its_id: Of the artifact it is about.

    Raises:
        UserError: it cannot be written there.
    """
    if path is None:
        stem = re.sub(r"[^\w.-]+", "-", f"{name}-{its_id}" if its_id else name).strip("-")[-100:]
        path = workspace.root / PAGES / f"{stem}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, page)
    except OSError as error:
        raise UserError(f"The page {path} cannot be written: {error.strerror}.", "Give another --html FILE.") from error
    return path.absolute()


def _data(curve: Curve) -> dict[str, Any]:
    """What the slider of a curve needs."""
    x = axis_of(curve)
    return {
        "places": curve.places,
        "kept": curve.kept,
        "x": [round(x(place), 1) for place in curve.places],
        "now": curve.places.index(curve.threshold),
        "setting": curve.setting,
    }
