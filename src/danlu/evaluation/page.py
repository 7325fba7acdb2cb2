"""What the reports of an evaluation have in common: one page that needs nothing from outside."""

from __future__ import annotations

from typing import Any

from danlu.pages import rendering


def render_page(template: str, **content: Any) -> str:
    """A page with its styles inside, from a template of this package that extends ``page.html.jinja``."""
    return rendering.render_page("danlu.evaluation", template, **content)
