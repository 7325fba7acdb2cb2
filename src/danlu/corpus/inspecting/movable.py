"""Thresholds that can be moved without reading a text again, and which setting each of them is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.rules.rule import Column, Rule
from danlu.corpus.rules.script import Script, settings_name
from danlu.corpus.rules.table import SETS


@dataclass(frozen=True)
class Movable:
    """A rule with its threshold."""

    label: str
    """Of its set: ``gopher_quality@1``."""
    rule: Rule
    setting: str
    """Path of the setting, for ``--set``: ``quality.gopher_quality.min_words``."""
    is_switch: bool
    """Whether it can only be on or off."""

    @property
    def column(self) -> str:
        """Name of the tag."""
        return f"{self.label}/{self.rule.tag}"

    @property
    def reason(self) -> str:
        return f"{self.label}: {self.rule.reason}"

    @property
    def is_lowest(self) -> bool:
        """Whether values below the threshold break the rule, and not those above."""
        return self.rule.at_least is not None

    @property
    def threshold(self) -> float:
        value = self.rule.at_least if self.is_lowest else self.rule.at_most
        assert value is not None
        return float(value)

    def broken(self, values: Column) -> Any:
        """By which rows."""
        return self.rule.broken(values)


def movables(config: RulesConfig) -> list[Movable]:
    """Rules that have a threshold, in the order in which they count."""
    found = []
    for name in config.sets:
        for script in Script:
            paths = _paths(name, script, config)
            for number, rule in enumerate(SETS[name].rules(config.settings(name, script), script)):
                if (rule.at_least, rule.at_most) != (None, None):
                    path = paths.get(number, "")
                    switch = bool(path) and isinstance(_value(config, path), bool)
                    found.append(Movable(SETS[name].label(script), rule, path, switch))
    return found


def movable_settings(config: RulesConfig) -> set[str]:
    """Paths of all settings that are nothing but a threshold, those without a value included."""
    return {path for name in config.sets for script in Script for path in _paths(name, script, config).values()}


def _value(config: RulesConfig, path: str) -> Any:
    _, settings, field, *_ = path.split(".")
    return getattr(getattr(config, settings), field)


def _paths(name: str, script: Script, config: RulesConfig) -> dict[int, str]:
    """By the number of a rule, its setting: the one whose change moves the rule's threshold."""
    settings = config.settings(name, script)

    def bounds(changed: Any) -> list[tuple[float | None, float | None]]:
        return [(rule.at_least, rule.at_most) for rule in SETS[name].rules(changed, script)]

    before, found = bounds(settings), {}
    for field, key, value in _other_values(settings):
        for number, (old, new) in enumerate(
            zip(before, bounds(settings.model_copy(update={field: value})), strict=True)
        ):
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
