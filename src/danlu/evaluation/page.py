"""What the reports of an evaluation have in common: one page that needs nothing from outside."""

from __future__ import annotations

from typing import Any


def render_page(template: str, **content: Any) -> str:
    """A page with its styles inside, from a template of this package that extends ``page.html.jinja``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("danlu.evaluation", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(content)
