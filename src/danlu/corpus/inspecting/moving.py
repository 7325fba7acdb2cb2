"""Other thresholds: exactly which rows would come back, and which would go, told from the stored tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydantic import ValidationError

from danlu.artifacts.manifest import Strict
from danlu.corpus.config import CleanConfig
from danlu.corpus.dropped import NEAR
from danlu.corpus.inspecting.movable import Movable, movable_settings, movables
from danlu.corpus.inspecting.reasons import dropped_rows
from danlu.corpus.inspecting.repeats import first_ids
from danlu.corpus.inspecting.rows import id_text, ids_of, read_rows, texts_with_ids
from danlu.corpus.inspecting.sampling import Smallest
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.inspecting.thresholds import JudgedBatch, judged_batches, rules_with_tags, with_tags
from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.tagging.config import BoilerplateConfig, LanguageConfig, ScoreBounds, ToxicityConfig
from danlu.errors import UserError, did_you_mean

TEXT_CHARACTERS = 200
MOVED: dict[str, type[Strict]] = {
    "boilerplate": BoilerplateConfig,
    "language": LanguageConfig,
    "quality": RulesConfig,
    "toxicity": ToxicityConfig,
}
"""Settings with thresholds on tags, besides those of scorers."""


@dataclass(frozen=True)
class MovedRow:
    """One of those that would come or go."""

    id: str
    source: str
    text: str
    """Its beginning."""
    reason: str
    """Why it is left out now, or would be."""
    numbers: dict[str, float]
    """Its tags that the moved rules are about."""


@dataclass(frozen=True)
class Moved:
    """What other settings would change."""

    settings: list[str]
    num_kept: int
    """Now."""
    num_back: int
    """Rows left out by the rules now that would pass them all. If other filters come behind the rules, those have not
    been asked."""
    num_repeating: int
    """Of these, rows that are equal to one that is kept, or to another of these."""
    num_gone: int
    """Rows kept now that would be left out."""
    num_freed: int
    """Near duplicates of those that would go, one of which may come in the place of each."""
    back_by_reason: dict[str, int]
    """Rows that would come back by why they are left out now."""
    gone_by_reason: dict[str, int]
    """Rows that would go by why."""
    back: list[MovedRow] = field(default_factory=list)
    """Some of them."""
    gone: list[MovedRow] = field(default_factory=list)
    """Some of them."""


def moved_by(subject: Subject, settings: Sequence[str], *, num_samples: int, seed: int) -> Moved:
    """What would change with other thresholds.

    Args:
        subject: A cleaned artifact with tags.
        settings: As of ``--set``: ``quality.gopher_quality.min_words=30``.
        num_samples: Rows that are shown of those that come, and of those that go.
        seed: Other ones for another seed.

    Raises:
        UserError: the tags cannot tell.
    """
    changed = with_tags(subject, movables(_changed(subject, settings)))
    paths = {_path(setting) for setting in settings}
    shown = {rule.column: rule for rule in [*rules_with_tags(subject), *changed] if rule.setting in paths}
    counts = {"back": Counter[str](), "gone": Counter[str]()}
    chosen = {name: Smallest(num_samples, seed) for name in counts}
    found = {name: [np.zeros(0, np.uint64)] for name in counts}
    num_kept = 0
    for batch in judged_batches(subject, [*rules_with_tags(subject), *changed]):
        num_kept += int(batch.stays.sum())
        passes, why_not = _verdict(batch, changed)
        ids = ids_of(batch.table.column("id"))
        reasons = np.array(batch.table.column("reason").to_pylist(), object)
        for name, mask, why in (
            ("back", batch.free & ~batch.stays & passes, reasons),
            ("gone", batch.stays & ~passes, why_not),
        ):
            counts[name].update(why[mask].tolist())
            places = np.flatnonzero(mask)
            found[name].append(ids[places])
            chosen[name].add(ids[places], partial(_shown, batch, places, why, list(shown)))
    back, gone = np.concatenate(found["back"]), np.concatenate(found["gone"])
    num_new = int((~np.isin(np.unique(back), read_rows(subject).ids)).sum())
    return Moved(
        settings=list(settings),
        num_kept=num_kept,
        num_back=len(back),
        num_repeating=len(back) - num_new,
        num_gone=len(gone),
        num_freed=_num_freed(subject, gone),
        back_by_reason=dict(counts["back"].most_common()),
        gone_by_reason=dict(counts["gone"].most_common()),
        back=_with_dropped_texts(subject, chosen["back"].items()),
        gone=_with_kept_texts(subject, chosen["gone"].items()),
    )


def _verdict(batch: JudgedBatch, rules: Sequence[Movable]) -> tuple[Any, Any]:
    """Of each row whether it passes all rules, and the reason of the first that it breaks."""
    reasons = np.full(batch.table.num_rows, None, object)
    passes = np.ones(batch.table.num_rows, np.bool_)
    for rule in rules:
        broken = rule.broken(batch.values[rule.column]) & passes
        reasons[broken] = rule.reason
        passes &= ~broken
    return passes, reasons


def _path(setting: str) -> str:
    return setting.partition("=")[0].strip()


def _changed(subject: Subject, settings: Sequence[str]) -> CleanConfig:
    """The settings with other thresholds.

    Raises:
        UserError: there are no tags, or a setting is no threshold on one.
    """
    config = subject.config
    if config is None or not rules_with_tags(subject):
        raise UserError(
            f"{subject.name} has no tags with a threshold, so nobody can tell what other thresholds would do.",
            "Clean it with 'quality' and this version of Danlu.",
        )
    content = {name: value.model_dump() for name in MOVED if (value := getattr(config, name)) is not None}
    content["scorers"] = {name: bounds.model_dump() for name, bounds in (config.scorers or {}).items()}
    known = movable_settings(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals:
            raise UserError(f"--set {setting}: this is not of the form PATH=VALUE.", _example(known))
        if path not in known:
            hint = "Clean again with it to see. " if path.split(".")[0] in type(config).model_fields else ""
            raise UserError(
                f"--set {path}: this is no threshold on a stored tag.", hint + did_you_mean(path, sorted(known))
            )
        _assign(content, path.split("."), _parsed(setting, text))
    try:
        changed = {name: kind.model_validate(content[name]) for name, kind in MOVED.items() if name in content}
        bounds = {name: ScoreBounds.model_validate(bounds) for name, bounds in content["scorers"].items()}
        return config.model_copy(update={**changed, "scorers": bounds})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"--set: {place}: {first['msg']}.", "Give a number that may stand there.") from None


def _parsed(setting: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"--set {setting}: the value is not YAML.", "Give a number.") from None


def _assign(content: Any, keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        content = content[key]
    last: Any = int(keys[-1]) if keys[-1].isdecimal() else keys[-1]
    content[last] = value


def _example(known: set[str]) -> str:
    return f"For example: --set {min(known)}=..."


def _shown(batch: JudgedBatch, places: Any, why: Any, columns: Sequence[str], number: int) -> MovedRow:
    place = int(places[number])
    row = batch.table.slice(place, 1).to_pylist()[0]
    numbers = {name: float(batch.values[name][place]) for name in columns}
    known = {name: value for name, value in numbers.items() if not np.isnan(value)}
    return MovedRow(row["id"], row["source"], "", str(why[place]), known)


def _with_dropped_texts(subject: Subject, rows: list[MovedRow]) -> list[MovedRow]:
    wanted = pa.array([row.id for row in rows], pa.string())
    texts: dict[str, str] = {}
    for batch in dropped_rows(subject) if rows else ():
        found = batch.filter(pc.is_in(batch.column("id"), wanted))
        texts |= dict(zip(found.column("id").to_pylist(), found.column("text").to_pylist(), strict=True))
    return [MovedRow(**{**vars(row), "text": texts.get(row.id, "")}) for row in rows]


def _with_kept_texts(subject: Subject, rows: list[MovedRow]) -> list[MovedRow]:
    texts = texts_with_ids(subject, [int(row.id, 16) for row in rows])
    found = {id_text(number): each["text"][:TEXT_CHARACTERS] for number, each in texts.items()}
    return [MovedRow(**{**vars(row), "text": found.get(row.id, "")}) for row in rows]


def _num_freed(subject: Subject, gone: Any) -> int:
    """Near duplicates of rows that would go."""
    if not len(gone):
        return 0
    total = 0
    for batch in dropped_rows(subject):
        near = batch.filter(pc.starts_with(batch.column("reason"), f"{NEAR} of "))
        total += int(np.isin(ids_of(first_ids(near.column("reason"))), gone).sum())
    return total
