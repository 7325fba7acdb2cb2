"""``--set a.b=c``: values given beside the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from danlu.errors import UserError, did_you_mean
from danlu.pipeline.document import Document, describe, parse_value

TOP_KEYS = ("name", "description", "stages")


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Change `document` in place.

    Each override is ``PATH=VALUE``: the path goes from the top of the recipe (``stages.tuned.seed``), or begins with a
    stage's name (``tuned.seed``); a number selects a list item; the value is YAML.

    Raises:
        UserError: the path leads nowhere or the value is not YAML.
    """
    for override in overrides:
        origin = f"--set {override}"
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise UserError(f"{origin}: this is not of the form PATH=VALUE.", "For example: --set tuned.seed=8")
        try:
            value = parse_value(text)
        except yaml.YAMLError:
            raise UserError(
                f"{origin}: the value {text!r} is not YAML.", "Quote it: --set 'tuned.name=\"...\"'"
            ) from None
        _assign(document, path.strip().split("."), value, origin)


def _assign(document: Document, keys: list[str], value: Any, origin: str) -> None:
    stages = document.data.get("stages")
    names = list(stages) if isinstance(stages, dict) else []
    if keys[0] not in TOP_KEYS:
        if keys[0] not in names:
            raise UserError(f"{origin}: there is no stage {keys[0]!r}.", did_you_mean(keys[0], [*names, *TOP_KEYS]))
        keys = ["stages", *keys]
    if keys[0] == "stages":
        if len(keys) < 3:
            raise UserError(f"{origin}: name a setting of a stage.", "For example: --set tuned.seed=8")
        if keys[1] not in names:
            raise UserError(f"{origin}: there is no stage {keys[1]!r}.", did_you_mean(keys[1], names))
    node: Any = document.data
    place: tuple[str | int, ...] = ()
    for depth, word in enumerate(keys):
        key = _key(node, word, ".".join(keys[keys[0] == "stages" : depth]), origin)
        place = (*place, key)
        if depth == len(keys) - 1:
            node[key] = value
        elif isinstance(node, dict) and node.get(key) is None:
            node[key] = {}  # the settings class decides whether such a mapping may stand here
        node = node[key]
    for inside in [known for known in document.origins if known[: len(place)] == place]:
        del document.origins[inside]
    document.origins[place] = origin


def _key(node: Any, word: str, parent: str, origin: str) -> str | int:
    if isinstance(node, dict):
        return word
    if isinstance(node, list):
        if word.isdecimal() and int(word) < len(node):
            return int(word)
        raise UserError(
            f"{origin}: {parent} is a list of {len(node)}, and {word!r} is not a position in it.",
            f"Positions are 0 to {len(node) - 1}; or give the whole list: --set {parent}=[...]",
        )
    raise UserError(f"{origin}: {parent} is {describe(node)} and has no settings inside.", f"Set {parent} itself.")
