"""From a template to a page: its styles, pictures and scripts inside, everything that is put in escaped."""

from __future__ import annotations

from typing import Any


def render_page(package: str, template: str, **content: Any) -> str:
    """A page from a template that extends ``base.html.jinja``.

    Args:
        package: The Python package that the template lies in.
        template: Its path in there.
        content: What the template may name; a name it lacks is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("danlu.pages", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(content)
