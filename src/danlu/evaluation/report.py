"""Write what was found: for programs as JSON and Parquet, for people as a page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from danlu.artifacts.readable_json import write_json
from danlu.evaluation.charts import difference_chart, interval_chart
from danlu.evaluation.page import render_page
from danlu.evaluation.results import Results
from danlu.evaluation.statistics import perplexity, perplexity_interval


def write_report(results: Results, out: Path) -> None:
    """Fill `out` with ``report.json``, ``rows.parquet``, ``generations.json`` and ``report.html``."""
    write_json(out / "report.json", results.to_json())
    write_json(out / "generations.json", [asdict(each) for each in results.generations])
    _write_rows(results, out / "rows.parquet")
    (out / "report.html").write_text(_page(results), encoding="utf-8")


def _page(results: Results) -> str:
    from markupsafe import Markup

    scores = {model.name: model.scores.row_losses for model in results.models}
    return render_page(
        "report.html.jinja",
        results=results,
        perplexity=perplexity,
        perplexity_interval=perplexity_interval,
        interval_chart=Markup(interval_chart(results.models)),
        difference_charts=[
            (each, Markup(difference_chart(results.row_ids, scores[each.model] - scores[each.baseline])))
            for each in results.against_baseline
        ],
    )


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
