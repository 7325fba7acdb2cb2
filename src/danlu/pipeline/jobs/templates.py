"""Job files that are templates with gaps."""

from __future__ import annotations

from typing import Any


def render_template(name: str, **values: Any) -> str:
    """A template of this directory, filled in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("danlu.pipeline.jobs", "")
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["pyrepr"] = repr
    return environment.get_template(name).render(**values)
