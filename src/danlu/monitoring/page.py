"""What was found as one page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.monitoring.ailments.table import TITLES
from danlu.monitoring.charts import COLOURS, SMALL, WIDTH, chart
from danlu.monitoring.curves import Curves
from danlu.monitoring.diagnosis import Diagnosis
from danlu.monitoring.finding import Evidence

OVERVIEW = (
    ("Loss", "nats", {"train/loss": "training", "validation/loss": "validation"}, False),
    ("Learning rate", "", {"train/learning_rate": "learning rate"}, False),
    ("Norm of the gradient", "", {"train/gradient_norm": "gradient norm"}, True),
    ("Tokens per second", "", {"train/tokens_per_second": "tokens per second"}, False),
)
"""Title, unit, metrics with their names, logarithmic."""


def render(diagnoses: Sequence[Diagnosis]) -> str:
    """The page, with its styles and pictures inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("danlu.monitoring", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(
        diagnoses=[(diagnosis, overview(diagnosis.curves)) for diagnosis in diagnoses],
        name=diagnoses[0].curves.name,
        titles=TITLES,
        chart=lambda evidence, width=WIDTH: Markup(chart(evidence, width)),
        small=SMALL,
        num_colours=COLOURS,
    )


def overview(curves: Curves) -> list[Evidence]:
    """What is worth seeing of every run, as far as it was recorded."""
    found = []
    for title, unit, metrics, logarithmic in OVERVIEW:
        series = {name: one for metric, name in metrics.items() if (one := curves.get(metric)) is not None}
        if series:
            found.append(Evidence(title, unit, series, logarithmic=logarithmic))
    return found
