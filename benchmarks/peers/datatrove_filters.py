"""datatrove's filters over documents; prints one JSON line. Runs in an environment of its own, without Danlu.

chain     Gopher repetition, Gopher quality, C4, FineWeb, each over what the one before leaves, as its pipelines do:
          how long that takes on one core, and which filter drops each document for what reason
single    each filter over every document as it is: the reasons
words     how its tokenizer cuts each document
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.base_filter import get_filter_result
from datatrove.utils.text import split_into_words

WARM_UP = "This sentence is cut into words, so that the tokenizer is there. " * 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--mode", choices=["chain", "single", "words"], required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = json.loads(options.documents.read_text(encoding="utf-8"))
    split_into_words(WARM_UP)
    if options.mode == "words":
        result: Any = [list(split_into_words(text)) for text in texts]
        facts: dict[str, Any] = {}
    elif options.mode == "chain":
        result, facts = chain(texts)
    else:
        result, facts = {name: [ask(each, text) for text in texts] for name, each in filters().items()}, {}
    options.out.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    print(json.dumps(facts), flush=True)


def filters() -> dict[str, Any]:
    """With their defaults."""
    return {
        "gopher_repetition": GopherRepetitionFilter(),
        "gopher_quality": GopherQualityFilter(),
        "c4": C4QualityFilter(),
        "fineweb_quality": FineWebQualityFilter(),
    }


def chain(texts: list[str]) -> tuple[list[str | None], dict[str, float]]:
    """The pipeline's own loop, over generators. Empty texts, at which two filters divide by zero, are left out."""
    dropped: dict[int, str] = {row: "empty" for row, text in enumerate(texts) if not text}
    documents = (Document(text=text, id=str(row)) for row, text in enumerate(texts) if text)
    steps = filters()
    wall, processor = time.perf_counter(), time.process_time()
    stream: Any = documents
    for name, step in steps.items():
        step.exclusion_writer = Notes(name, dropped)
        stream = step.run(stream)
    for _ in stream:
        pass
    facts = {
        "processor_seconds": time.process_time() - processor,
        "wall_seconds": time.perf_counter() - wall,
    }
    return [dropped.get(row) for row in range(len(texts))], facts


class Notes:
    """Where filters write what they drop: only the reason is kept."""

    def __init__(self, name: str, dropped: dict[int, str]) -> None:
        self.name = name
        self.dropped = dropped

    def __enter__(self) -> Notes:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def write(self, document: Any, rank: int) -> None:
        self.dropped[int(document.id)] = f"{self.name}: {document.metadata.get('filter_reason')}"


def ask(step: Any, text: str) -> str | None:
    """Why a filter drops a text, None if it keeps it."""
    if not text:
        return "empty"
    kept, reason = get_filter_result(step.filter(Document(text=text, id="")))
    return None if kept else str(reason)


if __name__ == "__main__":
    main()
