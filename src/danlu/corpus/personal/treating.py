"""Texts in, changed texts and an audit log out. Nothing is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from danlu.corpus.personal.audit import audit_table
from danlu.corpus.personal.config import PersonalConfig
from danlu.corpus.personal.finding import Hit, find_folded
from danlu.corpus.personal.folding import fold
from danlu.corpus.personal.keys import VARIABLE, Key
from danlu.corpus.personal.table import KINDS
from danlu.errors import UserError


@dataclass(frozen=True)
class Treated:
    """What became of a batch."""

    texts: list[str]
    """As many as were given, in their order."""
    hits: Any
    """pyarrow table, see `audit.AUDIT_SCHEMA`."""


def treat(texts: Sequence[str], ids: Sequence[str], config: PersonalConfig, key: Key | None = None) -> Treated:
    """Find personal information in `texts` and write something else in its place.

    What becomes of a text depends on the text, the settings and the key alone, not on the rest of the batch.

    Args:
        texts: Any number, of any length; some thousand at a time are quickest.
        ids: Of the documents, for the audit log.
        config: What is done with which kind.
        key: For hashes and pseudonyms. Without one the audit log has no hashes.

    Raises:
        UserError: the settings need a key and there is none, or numba is not installed.
    """
    if key is None and config.needs_key:
        raise UserError(
            "Hashes and pseudonyms of personal information need a key.",
            f"Give one: export {VARIABLE}=$(openssl rand -hex 32)",
        )
    kinds = [kind for kind in KINDS if config.treatment_of(kind) != "keep"]
    changed = list(texts)
    rows = []
    folded = fold(texts)
    for number, hits in _by_text(find_folded(folded, kinds) if texts else []):
        original, begin = texts[number], int(folded.starts[number])
        pieces, last = [], 0
        for hit in hits:
            value = folded.text[begin + hit.start : begin + hit.start + hit.length]
            treatment = config.treatment_of(hit.kind)
            hashed = key.hash_of(hit.kind, KINDS[hit.kind].canonical(value)) if key else None
            pieces += [original[last : hit.start], _replacement(hit.kind, value, hashed, config, key)]
            last = hit.start + hit.length
            rows.append((ids[number], hit.kind, hit.start, hit.length, treatment, hashed))
        changed[number] = "".join([*pieces, original[last:]])
    return Treated(changed, audit_table(rows))


def _by_text(hits: list[Hit]) -> list[tuple[int, list[Hit]]]:
    """Hits of each text that has any."""
    by_text: dict[int, list[Hit]] = {}
    for hit in hits:
        by_text.setdefault(hit.text, []).append(hit)
    return list(by_text.items())


def _replacement(kind: str, value: str, hashed: str | None, config: PersonalConfig, key: Key | None) -> str:
    """What stands in the place of a value."""
    treatment = config.treatment_of(kind)
    if treatment == "pseudonym" and key is not None:
        canonical = KINDS[kind].canonical(value)
        return KINDS[kind].stand_in(key.draw(kind, canonical), value)
    if treatment == "hash":
        return _placeholder(kind, config.language, f":{hashed}")
    return config.placeholders.get(kind) or _placeholder(kind, config.language, "")  # type: ignore[call-overload, no-any-return]


def _placeholder(kind: str, language: str, more: str) -> str:
    if language == "chinese":
        return f"<{KINDS[kind].chinese}{more}>"
    return f"[{KINDS[kind].english}{more}]"
