"""A recipe with a train stage, and requests to run it on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.pipeline.jobs.request import JobRequest
from danlu.pipeline.recipe import load_recipe

RECIPE = """\
name: house_poet
stages:
  poems:  {do: clean, into: corpus, from: "npm:chinese-poetry@2.0.1#dist/quantangshi"}
  words:  {do: train_tokenizer, data: poems, vocabulary_size: 4096}
  packed: {do: tokenize, data: poems, tokenizer: words, length: 256}
  blank:  {do: initialize, tokenizer: words, size: 8M}
  poet:   {do: train, objective: language_model, model: blank, data: packed, batch: {rows: 8}, budget: {steps: 10}}
"""


def request(directory: Path, text: str = RECIPE, **changes: Any) -> JobRequest:
    path = directory / "it's mine.yaml"
    path.write_text(text, encoding="utf-8")
    plain: dict[str, Any] = {
        "recipe": load_recipe(path, changes.get("overrides", [])),
        "workspace": directory / "shared space",
        "name": "house-poet",
        "num_nodes": 2,
        "processes_per_node": 4,
        "gpus_per_node": 4,
        "cpus_per_process": 8,
        "memory_bytes": 64 << 30,
        "seconds": 36 * 3600 + 90,
    }
    return JobRequest(**{**plain, **changes})
