"""Write what was found: for programs as JSON and Parquet, for people as one page that needs nothing from outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from danlu.evaluation.charts import difference_chart, interval_chart
from danlu.evaluation.results import Results
from danlu.evaluation.statistics import perplexity, perplexity_interval


def write_report(results: Results, out: Path) -> None:
    """Fill `out` with ``report.json``, ``rows.parquet``, ``generations.json`` and ``report.html``."""
    _write_json(out / "report.json", results.to_json())
    _write_json(out / "generations.json", [asdict(each) for each in results.generations])
    _write_rows(results, out / "rows.parquet")
    (out / "report.html").write_text(render_page(results), encoding="utf-8")


def render_page(results: Results) -> str:
    """The page, with styles and pictures inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("danlu.evaluation", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    scores = {model.name: model.scores.row_losses for model in results.models}
    return environment.get_template("report.html.jinja").render(
        results=results,
        perplexity=perplexity,
        perplexity_interval=perplexity_interval,
        interval_chart=Markup(interval_chart(results.models)),
        difference_charts=[
            (each, Markup(difference_chart(results.row_ids, scores[each.model] - scores[each.baseline])))
            for each in results.against_baseline
        ],
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_rows(results: Results, path: Path) -> None:
    """One line for each row and model: ``id, model, nll`` (summed, nats), ``num_tokens`` (scored)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [
        pa.table(
            {
                "id": pa.array(results.row_ids, pa.string()),
                "model": pa.array([model.name] * len(results.row_ids), pa.string()),
                "nll": model.scores.nll,
                "num_tokens": model.scores.num_tokens,
            }
        )
        for model in results.models
    ]
    pq.write_table(pa.concat_tables(tables), path)
