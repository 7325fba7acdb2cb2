"""From who somebody is (a name, a number, an address) to every artifact and model that saw it.

What was masked is gone: only how often something of a kind was masked is known. Under the key that it was treated with,
a value has one hash and one pseudonym of each kind, and these are looked for. Where nothing was treated, and in what
the detectors passed over, the value itself is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.artifacts import dropped
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.corpus.personal.folding import fold
from danlu.corpus.personal.keys import HASH_LETTERS, LETTERS, VARIABLE, Key
from danlu.corpus.personal.table import KINDS
from danlu.corpus.working.auditing import NAME as FINDS
from danlu.errors import UserError
from danlu.pipeline.tracing.documents import spread
from danlu.registry.holders import DATA_KINDS, Holding, describe, holdings, texts_with
from danlu.settings import Workspace

FEWEST_CHARACTERS = 2


def trace_person(workspace: Workspace, value: str) -> dict[str, Any]:
    """``{"looked_for", "found", "held", "left_out", "reached", "cannot_tell"}``. The value itself is in none of them.

    Args:
        workspace: To look in.
        value: A name, number or address as it is written, a pseudonym that stands for it, or a hash from a placeholder.

    Raises:
        UserError: it is too short to be looked for, or the key is.
    """
    value = value.strip()
    if len(value) < FEWEST_CHARACTERS:
        raise UserError(f"{value!r} is too short to be looked for.", "Give a whole name, number, address or pseudonym.")
    store, key = ArtifactStore(workspace.artifacts), Key.from_environment()
    hashes = _hashes(value, key)
    stand_ins = _stand_ins(value, key)
    needles = {value: "as it is", fold([value]).text: "as it is", **stand_ins}
    found: list[dict[str, Any]] = []
    ids: set[str] = set()
    for artifact in (each for each in store.all() if each.kind in DATA_KINDS):
        for how, documents in _in_artifact(artifact, needles, hashes).items():
            ids |= documents
            found.append({**describe(artifact), "as": how, "num_documents": len(documents)})
    everything = holdings(store, ids) if ids else []
    return {
        "looked_for": {"itself": True, "hashes": bool(hashes), "pseudonyms": sorted(set(stand_ins.values()))},
        "found": found,
        "num_documents": len(ids),
        "documents": sorted(ids),
        **spread(workspace, store, _once(everything)),
        "cannot_tell": _cannot_tell(store, key),
    }


def _hashes(value: str, key: Key | None) -> dict[str, str]:
    """Kind by hash: of the value as each kind, or of the hash that was given itself."""
    if len(value) == HASH_LETTERS and set(value) <= set(LETTERS):
        return {value: "its hash"}
    canonical = _canonical(fold([value]).text)
    return {key.hash_of(kind, written): kind for kind, written in canonical.items()} if key else {}


def _canonical(value: str) -> dict[str, str]:
    """The one way of writing a value as each kind that it can be."""
    found = {}
    for name, kind in KINDS.items():
        try:
            found[name] = kind.canonical(value)
        except ValueError:  # what is written as no such thing
            continue
    return found


def _stand_ins(value: str, key: Key | None) -> dict[str, str]:
    """What would stand in the place of the value, for each kind that it is found as: what it is -> as what."""
    if key is None:
        return {}
    from danlu.corpus.personal.finding import find

    folded = fold([value]).text
    canonical = _canonical(folded)
    # A name is often known for one only by what stands around it.
    kinds = {"name", *(hit.kind for hit in find([folded]) if hit.length == len(folded))}
    return {KINDS[kind].stand_in(key.draw(kind, canonical[kind]), folded): f"its pseudonym as {kind}" for kind in kinds}


def _in_artifact(artifact: Artifact, needles: dict[str, str], hashes: dict[str, str]) -> dict[str, set[str]]:
    """Ids of documents by what was found of the person in them."""
    found: dict[str, set[str]] = {}
    for document, _, _, _, needle in texts_with(artifact, needles):
        found.setdefault(needles[needle], set()).add(document)
    if (artifact.path / dropped.NAME).exists():
        for row in dropped.read_dropped(artifact.path):
            for needle, how in needles.items():
                if needle.casefold() in row["text"].casefold():
                    found.setdefault(f"{how}, in what was left out", set()).add(row["id"])
    path = artifact.path / FINDS
    if hashes and path.exists():
        table = pq.read_table(
            path, columns=["document", "kind", "value", "treatment"], filters=[("value", "in", list(hashes))]
        )
        for row in table.to_pylist():
            if hashes[row["value"]] in (row["kind"], "its hash"):
                found.setdefault(f"{row['kind']}, treated ({row['treatment']})", set()).add(row["document"])
    return found


def _once(found: list[Holding]) -> list[Holding]:
    """One holding for each artifact, split and document."""
    return list({(each.artifact.id, each.split, each.id, each.source, each.row): each for each in found}.values())


def _cannot_tell(store: ArtifactStore, key: Key | None) -> list[str]:
    """Where the person may be without being found."""
    said = []
    if key is None:
        said.append(
            f"Without the key in {VARIABLE} neither hashes nor pseudonyms can be told: only texts that say it as it is"
            " are found."
        )
    for artifact in store.all():
        path = artifact.path / FINDS
        if artifact.kind not in DATA_KINDS or not path.exists():
            continue
        table = pq.read_table(path, columns=["kind", "value", "treatment"])
        unknown = table.filter(pc.is_null(table.column("value")))
        where = f"In {artifact.kind} {artifact.manifest.name} ({artifact.id})"
        if unknown.num_rows:
            counts = Counter(unknown.column("kind").to_pylist()).most_common()
            listed = ", ".join(f"{count:,} x {kind}" for kind, count in counts)
            said.append(f"{where} {listed} were replaced without a key, so nobody can tell whose they were.")
        elif table.num_rows:
            said.append(
                f"{where} {table.num_rows:,} values were replaced under a key: those under another than today's are not"
                " found."
            )
    models = [each for each in store.all() if each.kind == "model" and each.manifest.stage == "import"]
    if models:
        names = ", ".join(sorted({each.manifest.name for each in models}))
        said.append(f"What imported models ({names}) were trained on before is not known here.")
    return said
