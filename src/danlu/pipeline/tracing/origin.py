"""Where a kept document came from: file and bytes, what it passed, what was changed in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from danlu.artifacts.store import Artifact
from danlu.corpus.config import CleanConfig
from danlu.corpus.files import SourceFile
from danlu.corpus.kept_settings import kept_settings
from danlu.corpus.reading_again import RowAgain, read_again
from danlu.corpus.rules.judging import rules_of
from danlu.corpus.working.auditing import NAME as FINDS
from danlu.errors import UserError
from danlu.pipeline.tracing.edits import edits_between
from danlu.pipeline.tracing.sources import found_file
from danlu.registry.holders import data_files, describe, tags_of
from danlu.settings import Workspace

PLAIN_FILTERS = ("min_characters", "max_characters", "matching", "deduplicate")
"""Settings that leave documents out without counting anything of them."""
CONTEXT_CHARACTERS = 60
"""On either side of a token, of what is looked for in its file."""
MOST_FILE_BYTES = 2**28
"""Of a row that is searched for a token."""


@dataclass(frozen=True)
class Document:
    """A document as an artifact keeps it."""

    artifact: Artifact
    split: str
    id: str
    source: str
    row: int
    text: str
    """Of a conversation, what its turns say, one behind the other."""


def kept_document(
    artifact: Artifact, split: str, document_id: str, source: str | None, row: int | None
) -> Document | None:
    """A document of a corpus or of examples; where source and row are not known, the first with its id."""
    filters: list[tuple[str, str, Any]] = [("id", "=", document_id)]
    filters += [("source", "=", source)] if source is not None else []
    filters += [("row", "=", row)] if row is not None else []
    for path in data_files(artifact, split):
        for found in pq.read_table(path, filters=filters).to_pylist():
            text = found["text"] if "text" in found else "\n".join(each["content"] for each in found["messages"])
            return Document(artifact, split, document_id, found["source"], found["row"], text)
    return None


def origin_of(document: Document, workspace: Workspace, at: tuple[int, int] | None = None) -> dict[str, Any]:
    """``{"data", "split", "id", "source", "row", "text", "file", "filters", "edits", "personal", "missing"}``.

    Args:
        document: To be traced.
        workspace: Where its sources may be found.
        at: First character of a token in the text, and the one behind its last: its bytes are looked for in the file.
    """
    with found_file(workspace, document.artifact.manifest, document.source) as file:
        return _origin(document, file, at)


def _origin(document: Document, file: SourceFile | str, at: tuple[int, int] | None) -> dict[str, Any]:
    config = kept_settings(document.artifact.manifest.settings, document.artifact.kind)
    missing = [file] if isinstance(file, str) else []
    again: RowAgain | None = None
    if config is None:
        missing.append(f"the settings of {document.artifact.manifest.name} are of another version of Danlu")
    elif isinstance(file, SourceFile):
        try:
            again = read_again(config, file, document.row)
        except UserError as error:
            missing.append(error.what)
        else:
            missing += [] if again else [f"row {document.row} of {document.source} cannot be read again"]
    tags = tags_of(document.artifact, document.source, document.row)
    return {
        "data": describe(document.artifact),
        "split": document.split,
        "id": document.id,
        "source": document.source,
        "row": document.row,
        "text": document.text,
        "file": _place(file, again, document, at) if isinstance(file, SourceFile) else None,
        "filters": _filters(config, tags) if config else [],
        "tags": {name: None if _is_nan(value) else value for name, value in tags.items()},
        "edits": _edits(config, again, document) if config and again else None,
        "personal": _finds(document),
        "missing": missing,
    }


def _place(file: SourceFile, again: RowAgain | None, document: Document, at: tuple[int, int] | None) -> dict[str, Any]:
    place = again.place if again else None
    found: dict[str, Any] = {
        "path": str(file.path),
        "place": place.described if place else None,
        "start": place.start if place else None,
        "stop": place.stop if place else None,
        "packed": file.is_packed,
        "token": None,
    }
    if at and place and place.start is not None and place.stop is not None:
        found["token"] = _token_bytes(file, place.start, place.stop, document.text, at)
    return found


def _token_bytes(file: SourceFile, start: int, stop: int, text: str, at: tuple[int, int]) -> dict[str, int] | None:
    """The bytes of some characters of a text in its file: found by what stands around them, if that stands in the row
    just so and once."""
    from danlu.corpus.streams import opened

    if stop - start > MOST_FILE_BYTES:
        return None
    with opened(file) as stream:
        stream.read(start) if file.is_packed else stream.seek(start)
        row = stream.read(stop - start)
    first, end = max(0, at[0] - CONTEXT_CHARACTERS), min(len(text), at[1] + CONTEXT_CHARACTERS)
    for written in (_plain, _quoted, _quoted_ascii):
        before, token, behind = written(text[first : at[0]]), written(text[slice(*at)]), written(text[at[1] : end])
        if token and row.count(before + token + behind) == 1:
            place = start + row.index(before + token + behind) + len(before)
            return {"start": place, "stop": place + len(token)}
    return None


def _plain(text: str) -> bytes:
    return text.encode()


def _quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _quoted_ascii(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


def _filters(config: CleanConfig, tags: dict[str, Any]) -> list[dict[str, Any]]:
    """What the document passed: settings that leave documents out, and each rule with what was counted."""
    plain = config.model_dump(mode="json", include=set(PLAIN_FILTERS), exclude_defaults=True)
    found: list[dict[str, Any]] = [{"filter": name, "setting": value} for name, value in plain.items()]
    return [*found, *_rules(config, tags)]


def _rules(config: CleanConfig, tags: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that apply to the text: of a pair for two scripts, one was not counted."""
    for name in config.quality.sets if config.quality else ():
        assert config.quality is not None
        for label, rule in rules_of(name, config.quality):
            tag = f"{label}/{rule.tag}"
            value = tags.get(tag)
            if value is not None and not _is_nan(value):
                bounds = {"at_least": rule.at_least, "at_most": rule.at_most}
                yield {"filter": f"{label}: {rule.reason}", "tag": tag, "value": value, **bounds}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _edits(config: CleanConfig, again: RowAgain, document: Document) -> list[dict[str, Any]]:
    """By what made them."""
    written = [name for name in ("chinese", "replace", "system") if getattr(config, name)]
    later = [name for name in ("quality", "personal") if getattr(config, name) is not None]
    return [
        {"by": " and ".join(names) or "none", "changes": changes}
        for names, changes in (
            (written, edits_between(again.read, again.written)),
            (later, edits_between(again.written, document.text)),
        )
        if changes
    ]


def _finds(document: Document) -> list[dict[str, Any]]:
    """What was found of people in it."""
    path = document.artifact.path / FINDS
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = pq.read_table(path, filters=[("document", "=", document.id)]).to_pylist()
    return [{name: value for name, value in row.items() if name != "document"} for row in rows]
