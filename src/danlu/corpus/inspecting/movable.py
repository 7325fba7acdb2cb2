"""Thresholds that can be moved without reading a text again, and which setting each of them is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.corpus.config import CleanConfig
from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.rules.script import Script, settings_name
from danlu.corpus.rules.table import SETS
from danlu.corpus.tagging import boilerplate, language, scores, toxicity


@dataclass(frozen=True)
class Movable:
    """A bound on a tag."""

    column: str
    """Name of the tag: ``gopher_quality@1/num_words``."""
    setting: str
    """Path of the setting, for ``--set``: ``quality.gopher_quality.min_words``; empty where none moves it."""
    is_lowest: bool
    """Whether values below the threshold are left out, and not those above."""
    threshold: float
    reasons: tuple[str, ...]
    """Those of rows it leaves out, as the artifact has them."""
    is_switch: bool = False
    """Whether it can only be on or off."""

    @property
    def reason(self) -> str:
        """The first of them."""
        return self.reasons[0]

    def broken(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """By which rows. What is nan breaks nothing."""
        return values < self.threshold if self.is_lowest else values > self.threshold


def movables(config: CleanConfig) -> list[Movable]:
    """Bounds of the settings, in the order in which they count."""
    kinds = (_of_boilerplate, _of_language, _of_rules, _of_scorers, _of_toxicity)
    return [movable for kind in kinds for movable in kind(config)]


def movable_settings(config: CleanConfig) -> set[str]:
    """Paths of all settings that are nothing but a bound, those without a value included."""
    found = {movable.setting for movable in _of_language(config)}
    if config.boilerplate is not None:
        found.add("boilerplate.max_share")
    if config.toxicity is not None:
        found |= {"toxicity.max_matches", "toxicity.max_share"}
    found |= {f"scorers.{name}.{bound}" for name in config.scorers or {} for bound in ("at_least", "at_most")}
    if config.quality is not None:
        sets = [(name, script) for name in config.quality.sets for script in Script]
        found |= {path for name, script in sets for path in _paths(name, script, config.quality).values()}
    return found


def _of_boilerplate(config: CleanConfig) -> Iterator[Movable]:
    highest = config.boilerplate.max_share if config.boilerplate is not None else None
    if highest is not None:
        reasons = (f"{boilerplate.LABEL}: more than {highest:g} of its lines are of the page",)
        yield Movable(f"{boilerplate.LABEL}/line_share", "boilerplate.max_share", False, highest, reasons)


def _of_toxicity(config: CleanConfig) -> Iterator[Movable]:
    settings, label = config.toxicity, toxicity.LABEL
    if settings is not None and settings.max_matches is not None:
        reasons = (f"{label}: more than {settings.max_matches:,} offensive words",)
        yield Movable(f"{label}/num_matches", "toxicity.max_matches", False, float(settings.max_matches), reasons)
    if settings is not None and settings.max_share is not None:
        reasons = (f"{label}: more than {settings.max_share:g} of its characters in offensive words",)
        yield Movable(f"{label}/share", "toxicity.max_share", False, settings.max_share, reasons)


def _of_language(config: CleanConfig) -> Iterator[Movable]:
    settings = config.language
    if settings is not None and settings.keep:
        reasons = tuple(
            f"{language.LABEL}: it is {each} with a probability under {settings.at_least}" for each in settings.keep
        )
        yield Movable(f"{language.LABEL}/probability", "language.at_least", True, settings.at_least, reasons)


def _of_rules(config: CleanConfig) -> Iterator[Movable]:
    rules = config.quality
    for name in rules.sets if rules is not None else ():
        for script in Script:
            assert rules is not None
            paths, label = _paths(name, script, rules), SETS[name].label(script)
            for number, rule in enumerate(SETS[name].rules(rules.settings(name, script), script)):
                bound = rule.at_least if rule.at_least is not None else rule.at_most
                if bound is not None:
                    path = paths.get(number, "")
                    switch = bool(path) and isinstance(_value(rules, path), bool)
                    reasons = (f"{label}: {rule.reason}",)
                    lowest = rule.at_least is not None
                    yield Movable(f"{label}/{rule.tag}", path, lowest, float(bound), reasons, switch)


def _of_scorers(config: CleanConfig) -> Iterator[Movable]:
    for name, bounds in (config.scorers or {}).items():
        tag = f"{scores.LABEL}/{name}"
        if bounds.at_least is not None:
            reasons = (f"{tag}: it scores under {bounds.at_least:g}",)
            yield Movable(tag, f"scorers.{name}.at_least", True, bounds.at_least, reasons)
        if bounds.at_most is not None:
            reasons = (f"{tag}: it scores over {bounds.at_most:g}",)
            yield Movable(tag, f"scorers.{name}.at_most", False, bounds.at_most, reasons)


def _value(config: RulesConfig, path: str) -> Any:
    _, settings, field, *_ = path.split(".")
    return getattr(getattr(config, settings), field)


def _paths(name: str, script: Script, config: RulesConfig) -> dict[int, str]:
    """By the number of a rule, its setting: the one whose change moves the rule's threshold and nothing else."""
    settings = config.settings(name, script)

    def bounds(changed: Any) -> list[tuple[float | None, float | None]]:
        return [(rule.at_least, rule.at_most) for rule in SETS[name].rules(changed, script)]

    before, found = bounds(settings), {}
    for field, key, value in _other_values(settings):
        after = bounds(settings.model_copy(update={field: value}))
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                path = f"quality.{settings_name(name, script)}.{field}"
                found[number] = f"{path}.{key}" if key is not None else path
    return found


def _other_values(settings: Any) -> Iterator[tuple[str, int | None, Any]]:
    """Each number and switch of some settings with another value; of mappings, each key by itself."""
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        if isinstance(value, bool):
            yield field, None, not value
        elif isinstance(value, int | float) or value is None:
            yield field, None, (value or 0) + 1
        elif isinstance(value, dict):
            for key in value:
                yield field, key, {**value, key: value[key] + 1}
