"""What differs between two artifacts as one page that needs nothing from outside."""

from __future__ import annotations

from danlu.corpus.inspecting.differing import Difference
from danlu.pages.rendering import render_page
from danlu.pages.said import Language


def render_difference(difference: Difference, language: Language) -> str:
    """The page."""
    code = "zh" if language == "chinese" else "en"
    return render_page("danlu.corpus.inspecting", "difference.html.jinja", it=difference, code=code)
