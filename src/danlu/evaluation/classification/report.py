"""Write what was found: for programs as JSON and Parquet, for people as a page."""

from __future__ import annotations

from pathlib import Path

from danlu.artifacts.readable_json import write_json
from danlu.evaluation.classification.results import ClassificationResults
from danlu.evaluation.page import render_page


def write_report(results: ClassificationResults, out: Path) -> None:
    """Fill `out` with ``report.json``, ``rows.parquet`` and ``report.html``."""
    write_json(out / "report.json", results.to_json())
    _write_rows(results, out / "rows.parquet")
    page = render_page("classification/report.html.jinja", results=results)
    (out / "report.html").write_text(page, encoding="utf-8")


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
