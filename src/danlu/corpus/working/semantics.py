"""Embeddings of all items, part by part on the disk, and which items repeat others by them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from danlu.artifacts.stage import StageContext
from danlu.corpus.config import SemanticConfig
from danlu.corpus.dropped import SEMANTIC
from danlu.corpus.duplicates.semantic import clusters, repeated
from danlu.corpus.working.all_parts import AllParts
from danlu.corpus.working.repeated_items import Repetitions

FOLDER = "embeddings"
EMBEDDED_AT_ONCE = 512
"""Items between two looks at whether to stop."""


def semantic_repetitions(
    parts: AllParts,
    before: Repetitions,
    settings: SemanticConfig,
    context: StageContext,
    body: str,
    shown: Callable[[Any], str],
    folder: Path,
) -> Repetitions:
    """Items to leave out, those that were before included.

    Embeddings are computed in this process, on all threads, in batches that the parts alone decide.

    Args:
        parts: All of them.
        before: Items that are left out already; they are not looked at.
        settings: What is looked for.
        context: Of the stage.
        body: The column with what an item says.
        shown: Its text.
        folder: Where the embeddings of a stopped run lie.
    """
    stays = np.ones(parts.num_items, np.bool_)
    stays[before.rows] = False
    stays[: parts.num_earlier] = False
    embeddings = _embedded(parts, stays, settings, context, body, shown, folder / FOLDER)
    found: list[tuple[int, int, float]] = []
    with context.reporter.progress("comparing what documents mean", int(stays.sum()), "rows") as task:
        for rows in clusters(embeddings, np.flatnonzero(stays)):
            found += repeated(embeddings, rows, settings.at_least)
            task.advance(len(rows))
            context.stop.check()
    return Repetitions.together(
        [
            before,
            Repetitions.of(
                SEMANTIC,
                np.array([row for row, _, _ in found], np.int64),
                np.array([first for _, first, _ in found], np.int64),
                np.array([cosine for _, _, cosine in found], np.float64),
            ),
        ]
    )


def _embedded(
    parts: AllParts,
    stays: np.ndarray[tuple[int], np.dtype[np.bool_]],
    settings: SemanticConfig,
    context: StageContext,
    body: str,
    shown: Callable[[Any], str],
    folder: Path,
) -> np.memmap[tuple[int, int], np.dtype[np.float32]]:
    """Of all items; zeros where an item does not stay."""
    from danlu.models.embedding import Embedder

    embedder = Embedder(context.input(settings.INPUT).path, settings.max_tokens)
    folder.mkdir(exist_ok=True)
    whole = folder / "all"
    shape = (parts.num_items, embedder.size)
    embeddings = np.memmap(whole, np.float32, "r+" if whole.exists() else "w+", shape=shape)
    item = parts.num_earlier
    with context.reporter.progress("embedding documents", int(stays.sum()), "rows") as task:
        for files in parts.files:
            for number, batch in enumerate(files.batches([body])):
                done = folder / f"{files.directory.name}-{number}"
                its = slice(item, item + batch.num_rows)
                item += batch.num_rows
                if not done.exists():
                    places = np.flatnonzero(stays[its])
                    bodies = batch.column(0)
                    for start in range(0, len(places), EMBEDDED_AT_ONCE):
                        chosen = places[start : start + EMBEDDED_AT_ONCE]
                        texts = [shown(bodies[place].as_py()) for place in chosen.tolist()]
                        embeddings[its.start + chosen] = embedder.embed(texts)
                        context.stop.check()
                        task.advance(len(chosen))
                    embeddings.flush()
                    os.close(os.open(done, os.O_CREAT))
                else:
                    task.advance(int(stays[its].sum()))
    return embeddings
