"""A recipe: a name and stages, each with what it does and its settings, checked down to the last key."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from danlu.artifacts.stage import StageConfig
from danlu.errors import UserError, did_you_mean
from danlu.pipeline.document import Document, Place, describe, read_document
from danlu.pipeline.overrides import TOP_KEYS, apply_overrides
from danlu.pipeline.problems import explain
from danlu.pipeline.stages import STAGES, StageTable, StageType

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class RecipeStage:
    """One stage as the recipe asks for it."""

    name: str
    do: str
    type: StageType
    config: StageConfig


@dataclass(frozen=True)
class Recipe:
    """A checked recipe."""

    name: str
    description: str
    path: Path
    stages: dict[str, RecipeStage]
    """In the recipe's order."""
    document: Document

    @property
    def directory(self) -> Path:
        """Relative paths in the recipe start here."""
        return self.path.parent

    def where(self, *place: str | int) -> str:
        """``FILE:LINE`` of a setting, for error messages."""
        return self.document.where(place)

    def to_yaml(self) -> str:
        """The recipe as it is run: overrides applied, anchors written out."""
        return yaml.safe_dump(self.document.data, sort_keys=False, allow_unicode=True, width=120)


def load_recipe(path: str | Path, overrides: Sequence[str] = (), table: StageTable = STAGES) -> Recipe:
    """Read and check a recipe.

    Args:
        path: The YAML file.
        overrides: ``PATH=VALUE``, see `danlu.pipeline.overrides`.
        table: What may stand behind ``do:``.

    Raises:
        UserError: anything is wrong with it; the message begins with ``FILE:LINE:``.
    """
    document = read_document(Path(path))
    apply_overrides(document, overrides)
    for key in document.data:
        if key not in TOP_KEYS:
            raise UserError(
                f"{document.where((key,))}: unknown key {key!r} at the top of the recipe.",
                did_you_mean(key, list(TOP_KEYS)),
            )
    description = document.data.get("description", "")
    if not isinstance(description, str):
        raise UserError(
            f"{document.where(('description',))}: description must be text, not {describe(description)}.",
            "Put it in quotes.",
        )
    stages = _required(document, "stages")
    if not isinstance(stages, dict) or not stages:
        raise UserError(
            f"{document.where(('stages',))}: stages must be a mapping of names to stages, not "
            f"{'an empty one' if stages == {} else describe(stages)}.",
            "For example:  base: {do: import, from: ...}",
        )
    return Recipe(
        name=_name(document, ("name",), _required(document, "name")),
        description=description,
        path=Path(path).absolute(),
        stages={name: _stage(document, name, settings, table) for name, settings in stages.items()},
        document=document,
    )


def _required(document: Document, key: str) -> Any:
    if key not in document.data:
        raise UserError(
            f"{document.where(())}: the recipe needs the key {key!r}.",
            "Add it, for example:  name: assistant" if key == "name" else "Add it; see recipes/ for examples.",
        )
    return document.data[key]


def _name(document: Document, place: Place, name: Any) -> str:
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    what = "the name of the recipe" if place == ("name",) else "the name of a stage"
    raise UserError(
        f"{document.where(place)}: {what} may not be {describe(name)}.",
        "Begin with a letter; then letters, digits, '-' and '_', at most 64 in all.",
    )


def _stage(document: Document, name: str, settings: Any, table: StageTable) -> RecipeStage:
    place = ("stages", name)
    _name(document, place, name)
    where = document.where(place)
    known = list(table)
    if not isinstance(settings, dict):
        raise UserError(
            f"{where}: the stage {name!r} must be a mapping, not {describe(settings)}.",
            f"For example:  {name}: {{do: {known[0]}, ...}}",
        )
    if "do" not in settings:
        raise UserError(f"{where}: the stage {name!r} needs the key 'do'.", f"Add it: do: {' | '.join(known)}")
    do = settings["do"]
    if not isinstance(do, str) or do not in table:
        raise UserError(
            f"{document.where((*place, 'do'))}: {name}.do may not be {describe(do)}; there is no such stage.",
            did_you_mean(str(do), known),
        )
    config_class = table[do].config_class()
    try:
        # Through JSON: lists may become tuples and text paths, but "16" does not become 16 and yes does not become 1.
        config = config_class.model_validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        raise explain(error, config_class, document, place) from None
    except UserError as error:
        raise UserError(f"{where}: {name}: {error.what}", error.hint) from None
    return RecipeStage(name, do, table[do], config)
