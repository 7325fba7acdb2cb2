"""Which held-out rows stand in what the models were trained on, followed from each model to its documents.

A row counts as seen if a document of the training split has enough of its n-grams, or is the row itself. What a model
was trained on elsewhere, before it was imported, nobody knows here; that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import read_places
from danlu.evaluation.config import ContaminationConfig
from danlu.overlap.index import RowIndex
from danlu.overlap.rows import TextRow, conversation_text, text_rows
from danlu.overlap.units import blocks
from danlu.registry.lineage import ancestors, lineage
from danlu.telemetry.reporter import Reporter

DOCUMENTS_AT_ONCE = 2048
DATA_KINDS = ("corpus", "examples")


@dataclass(frozen=True)
class Seen:
    """A held-out row that a model was trained on."""

    id: str
    """Of the row."""
    share: float
    """Of its n-grams that are in one document; 1 if it is the document."""
    document: str
    """Id of that document."""
    data: str
    """Where it is, for example ``texts.train``."""


@dataclass(frozen=True)
class ModelContamination:
    """What one model saw of the held-out rows."""

    seen: dict[int, Seen]
    """By the row's place."""
    num_documents: int
    """That were looked into."""
    unknown: list[str]
    """What it was trained on and cannot be looked into, one line each."""


@dataclass(frozen=True)
class Contamination:
    """What all models saw."""

    models: dict[str, ModelContamination]
    num_rows: int
    num_too_short: int
    """Rows that are too short to be looked for but as a whole."""
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By model: the score on all rows, on those that no model saw, and on those that the model saw."""

    @property
    def is_clean(self) -> npt.NDArray[np.bool_]:
        """Shape (num_rows,): which rows no model saw."""
        clean = np.ones(self.num_rows, np.bool_)
        for model in self.models.values():
            clean[list(model.seen)] = False
        return clean

    def is_seen(self, model: str) -> npt.NDArray[np.bool_]:
        """Shape (num_rows,): which rows a model saw."""
        seen = np.zeros(self.num_rows, np.bool_)
        seen[list(self.models[model].seen)] = True
        return seen

    def facts(self) -> dict[str, Any]:
        """For later stages and gates."""
        return {name: {"num_seen": len(model.seen), **self.scores[name]} for name, model in self.models.items()}

    def to_json(self) -> dict[str, Any]:
        """For ``report.json``."""
        return {
            "num_rows": self.num_rows,
            "num_too_short": self.num_too_short,
            "num_clean": int(self.is_clean.sum()),
            "models": {
                name: {
                    "num_seen": len(model.seen),
                    "num_documents": model.num_documents,
                    **self.scores[name],
                    "seen": [asdict(model.seen[place]) for place in sorted(model.seen)],
                    "unknown": model.unknown,
                }
                for name, model in self.models.items()
            },
        }


def row_text(row: dict[str, Any]) -> str:
    """What is looked for of a held-out row: a document, or what is said in a conversation."""
    return str(row["text"]) if "text" in row else conversation_text(row["messages"])


def look_for(
    rows: Sequence[TextRow],
    models: dict[str, Artifact],
    config: ContaminationConfig,
    store: ArtifactStore,
    reporter: Reporter,
) -> Contamination:
    """Look for rows in what models were trained on. Data that several were trained on is read once."""
    index = RowIndex([row.text for row in rows], config.ngram)
    sources = {name: _sources(model, store) for name, model in models.items()}
    unknown = {name: _unknown(model, store) for name, model in models.items()}
    found: dict[str, tuple[dict[int, Seen], int]] = {}
    for source in (one for each in sources.values() for one in each):
        if source.tokens.id not in found:
            found[source.tokens.id] = _look_in(source.data, source.tokens, rows, index, config, reporter)
    return Contamination(
        {
            name: ModelContamination(
                _best(found[source.tokens.id][0] for source in its_sources),
                sum(found[source.tokens.id][1] for source in its_sources),
                unknown[name],
            )
            for name, its_sources in sources.items()
        },
        len(rows),
        int(np.count_nonzero(index.num_grams == 0)),
    )


@dataclass(frozen=True)
class _Source:
    """Tokens that a model was trained on, and the data they were made of."""

    data: Artifact
    tokens: Artifact


def _sources(model: Artifact, store: ArtifactStore) -> list[_Source]:
    found = []
    for tokens in (each for each in ancestors(store, model) if each.kind == "tokens"):
        for parent in tokens.manifest.parents:
            data = store.find(parent.kind, parent.id) if parent.kind in DATA_KINDS else None
            if data is not None:
                found.append(_Source(data, tokens))
    return found


def _unknown(model: Artifact, store: ArtifactStore) -> list[str]:
    said = []
    for entry in lineage(store, model):
        if entry["missing"] and entry["kind"] in (*DATA_KINDS, "tokens", "model"):
            said.append(f"{entry['kind']} {entry['name']} ({entry['id']}) is no longer in the workspace")
        elif entry["kind"] == "model" and entry["stage"] == "import":
            said.append(f"what {entry['name']} was trained on before it was imported")
    return said


def _look_in(
    data: Artifact,
    tokens: Artifact,
    rows: Sequence[TextRow],
    index: RowIndex,
    config: ContaminationConfig,
    reporter: Reporter,
) -> tuple[dict[int, Seen], int]:
    """The rows that the documents in some tokens have, and how many documents that are."""
    # Examples that did not fit, or had nothing to learn, are not in the tokens.
    trained = set(pc.unique(read_places(tokens.path, "train").column("id")).to_pylist())
    by_id = {row.id: place for place, row in enumerate(rows)}
    found: dict[int, Seen] = {}
    where, num_documents = f"{data.manifest.name}.train", 0
    documents = (each for each in text_rows(data.path, data.kind, "train", data.manifest.name) if each.id in trained)
    with reporter.progress(f"Look for held-out rows in {where}", len(trained), "documents") as task:
        for some in _batches(documents):
            for place, share, document in _pairs(some, index, by_id):
                if share >= config.at_least and (place not in found or share > found[place].share):
                    found[place] = Seen(rows[place].id, round(share, 4), document, where)
            num_documents += len(some)
            task.advance(len(some))
    return found, num_documents


def _pairs(documents: list[TextRow], index: RowIndex, by_id: dict[str, int]) -> Iterator[tuple[int, float, str]]:
    """Places of rows, the share that a document has of each, and the document's id."""
    for document in documents:
        if document.id in by_id:
            yield by_id[document.id], 1.0, document.id
    for first, units in blocks([document.text for document in documents]):
        pairs = index.find(units)
        for text, row, share in zip(pairs.texts.tolist(), pairs.rows.tolist(), pairs.shares.tolist(), strict=True):
            yield row, share, documents[first + text].id


def _batches(documents: Iterator[TextRow]) -> Iterator[list[TextRow]]:
    some: list[TextRow] = []
    for document in documents:
        some.append(document)
        if len(some) == DOCUMENTS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _best(all_found: Iterator[dict[int, Seen]]) -> dict[int, Seen]:
    """The larger share of each row."""
    best: dict[int, Seen] = {}
    for found in all_found:
        for place, seen in found.items():
            if place not in best or seen.share > best[place].share:
                best[place] = seen
    return best
