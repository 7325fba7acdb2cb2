"""Which stage needs which: the references between stages, checked, and an order to run them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Reference
from danlu.errors import UserError, did_you_mean
from danlu.pipeline.recipe import Recipe

ARTIFACT_PREFIX = "artifact:"


@dataclass(frozen=True)
class Link:
    """One reference of one stage."""

    setting: str
    """Name of the setting in the recipe, for example ``data``; of one inside another, ``deduplicate.against``."""
    key: int | str | None
    """Position, when the setting holds a list; key, when it holds a mapping."""
    text: str
    """As it stands in the recipe, for example ``rows.test``."""
    kinds: tuple[str, ...]
    """Kinds of artifact that may stand here."""
    stage: str | None
    """The stage of this recipe it means; None when it names an artifact by id or path."""
    part: str | None

    @property
    def place(self) -> tuple[str | int, ...]:
        """Where it stands below its stage."""
        path = self.setting.split(".")
        return (*path,) if self.key is None else (*path, self.key)


@dataclass(frozen=True)
class Graph:
    """The stages of a recipe with their references."""

    order: list[str]
    """Stage names, each after everything it needs; where that leaves a choice, in the recipe's order."""
    links: dict[str, list[Link]]
    """By stage name, in the order of the settings."""


def build_graph(recipe: Recipe) -> Graph:
    """Find and check all references between stages.

    Raises:
        UserError: a reference to a stage that does not exist, to the wrong kind of artifact or to an unknown part, or
            stages that need each other in a circle.
    """
    links = {name: [_checked(recipe, name, link) for link in _links(recipe, name)] for name in recipe.stages}
    return Graph(_sorted(recipe, links), links)


def marked_settings(config: BaseModel, mark: type[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Settings whose type carries `mark` (`Reference` or `SourceList`): name in the recipe, the mark, and the value.

    Those inside other settings have the names of all, with dots between them.
    """
    for field_name, field in type(config).model_fields.items():
        name, value, found = field.alias or field_name, getattr(config, field_name), _mark(field, mark)
        if found is not None:
            yield name, found, value
        elif isinstance(value, BaseModel):
            for inner, its_mark, its_value in marked_settings(value, mark):
                yield f"{name}.{inner}", its_mark, its_value


def listed(value: Any) -> list[str]:
    """A setting that holds nothing, one name, or several as a list or as keys, as a list."""
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def split_part(text: str) -> tuple[str, str | None]:
    """``rows.test`` is ``("rows", "test")``; a path has no part."""
    if "/" in text:
        return text, None
    name, _, part = text.partition(".")
    return name, part or None


def _mark(field: FieldInfo, mark: type[Any]) -> Any:
    candidates = [*field.metadata]
    pending = list(get_args(field.annotation))
    while pending:
        inner = pending.pop()
        candidates += getattr(inner, "__metadata__", ())
        pending += get_args(inner)
    return next((candidate for candidate in candidates if isinstance(candidate, mark)), None)


def _links(recipe: Recipe, stage: str) -> Iterator[Link]:
    for setting, mark, value in marked_settings(recipe.stages[stage].config, Reference):
        for index, text in enumerate(listed(value)):
            name, part = split_part(text)
            outside = "/" in text or text.startswith(ARTIFACT_PREFIX)
            key = text if isinstance(value, dict) else None if isinstance(value, str) else index
            yield Link(setting, key, text, mark.kinds, None if outside else name, part)


def _checked(recipe: Recipe, stage: str, link: Link) -> Link:
    if link.stage is None:
        return link  # looked up when there is a workspace, see `danlu.pipeline.steps`
    where = recipe.where("stages", stage, *link.place)
    if link.stage not in recipe.stages:
        raise UserError(
            f"{where}: {stage}.{link.setting} refers to {link.text!r}, but there is no stage {link.stage!r}.",
            did_you_mean(link.stage, [name for name in recipe.stages if name != stage])
            if len(recipe.stages) > 1
            else "Name a stage of this recipe, an artifact (artifact:ID) or the path of one.",
        )
    check_kind(where, stage, link, recipe.stages[link.stage].config.kind, recipe)
    return link


def check_kind(where: str, stage: str, link: Link, kind: str, recipe: Recipe) -> None:
    """Raise a `UserError` unless an artifact of `kind` (and the link's part of it) may stand at `link`."""
    if kind not in link.kinds:
        fitting = [name for name, other in recipe.stages.items() if other.config.kind in link.kinds]
        raise UserError(
            f"{where}: {stage}.{link.setting} needs {_either(link.kinds)}, and {link.text!r} is {_a(kind)}.",
            f"Stages of this recipe that fit: {', '.join(fitting)}."
            if fitting
            else f"Add a stage that makes {_either(link.kinds)}.",
        )
    parts = parts_of(kind) if link.part is not None else ()
    if link.part is not None and link.part not in parts:
        raise UserError(
            f"{where}: {stage}.{link.setting} is {link.text!r}, but there is no part {link.part!r} in {_a(kind)}.",
            did_you_mean(link.part, list(parts)) if parts else "Leave out the part after the dot.",
        )


def parts_of(kind: str) -> tuple[str, ...]:
    """What may stand after the dot of a reference to an artifact of this kind."""
    return SPLITS if kind in ("examples", "corpus") else ()


def _either(kinds: tuple[str, ...]) -> str:
    return " or ".join(_a(kind) for kind in kinds)


def _a(kind: str) -> str:
    if kind in ("examples", "labels", "tokens"):
        return kind
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _sorted(recipe: Recipe, links: dict[str, list[Link]]) -> list[str]:
    order: list[str] = []
    needs = {name: {link.stage for link in found if link.stage} for name, found in links.items()}
    while len(order) < len(needs):
        ready = next((name for name in needs if name not in order and needs[name] <= set(order)), None)
        if ready is None:
            raise _cycle(recipe, {name: needs[name] - set(order) for name in needs if name not in order})
        order.append(ready)
    return order


def _cycle(recipe: Recipe, needs: dict[str, set[str]]) -> UserError:
    path = [next(iter(needs))]
    while path[-1] not in path[:-1]:
        path.append(min(needs[path[-1]] & set(needs)))
    circle = path[path.index(path[-1]) :]
    return UserError(
        f"{recipe.where('stages', circle[0])}: these stages need each other in a circle: {' -> '.join(circle)}.",
        "Let one of them refer to something made earlier.",
    )
