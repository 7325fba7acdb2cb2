"""Write what was found: for programs as JSON and Parquet, for people as one page that needs nothing from outside."""

from __future__ import annotations

import json
from pathlib import Path

from danlu.evaluation.classification.results import ClassificationResults


def write_report(results: ClassificationResults, out: Path) -> None:
    """Fill `out` with ``report.json``, ``rows.parquet`` and ``report.html``."""
    content = json.dumps(results.to_json(), indent=2, ensure_ascii=False)
    (out / "report.json").write_text(content + "\n", encoding="utf-8")
    _write_rows(results, out / "rows.parquet")
    (out / "report.html").write_text(render_page(results), encoding="utf-8")


def render_page(results: ClassificationResults) -> str:
    """The page, with styles inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("danlu.evaluation.classification", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("report.html.jinja").render(results=results)


def _write_rows(results: ClassificationResults, path: Path) -> None:
    """One line for each row and model: ``id, model, label, predicted``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [
        pa.table(
            {
                "id": pa.array(results.row_ids, pa.string()),
                "model": pa.array([each.name] * len(results.row_ids), pa.string()),
                "label": [results.classes[place] for place in results.truth],
                "predicted": [results.classes[place] for place in each.predicted],
            }
        )
        for each in results.classifiers
    ]
    pq.write_table(pa.concat_tables(tables), path)
