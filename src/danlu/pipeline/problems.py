"""What pydantic found wrong with a stage's settings, in plain words and with the line."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from danlu.errors import UserError, did_you_mean
from danlu.pipeline.document import Document, Place, describe

EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "none_required": "nothing",
    "finite_number": "a finite number",
    "path_type": "a path",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}
"""What should have stood there, by pydantic's type of error."""


def explain(error: ValidationError, model: type[BaseModel], document: Document, place: Place) -> UserError:
    """The first thing wrong (by line) as an error for the user.

    Args:
        error: What validating the data at `place` raised.
        model: The class it was validated against.
        document: The recipe.
        place: Where in the recipe the validated mapping stands.
    """
    data = _get(document.data, place)
    found: dict[Place, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_place_in(data, detail), []).append(detail)
    # Where alternatives were tried (a union), the one that got furthest is the one that was meant.
    inner, details = max(found.items(), key=lambda item: (len(item[0]), -list(found).index(item[0])))
    full = (*place, *inner)
    where = document.where(full if details[0]["type"] != "missing" else full[:-1])
    if details[0]["type"] == "missing" and inner[:-1] == ():
        where = document.where(place)
    name = ".".join(str(part) for part in full if part != "stages")
    return _explain_one(details, where, name, list(_known_keys(model, details[0]["loc"][:-1])))


def _explain_one(details: list[ErrorDetails], where: str, name: str, known: list[str]) -> UserError:
    detail = details[0]
    key = name.rsplit(".", 1)[-1]
    given = detail["input"]
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return UserError(f"{where}: unknown key {key!r} in {_parent(name)}.", did_you_mean(key, known))
        case "missing":
            return UserError(f"{where}: {_parent(name)} needs the key {key!r}.", f"Add it: {key}: ...")
        case "value_error" | "assertion_error":
            return UserError(f"{where}: {name}: {context['error']}", f"It is {describe(given)} now; correct it.")
        case "union_tag_invalid":
            tag = str(context["discriminator"]).strip("'")
            return UserError(
                f"{where}: {name}.{tag} may not be {context['tag']!r}.", f"Choose from: {context['expected_tags']}."
            )
        case "union_tag_not_found":
            tag = str(context["discriminator"]).strip("'")
            return UserError(f"{where}: {name} needs the key {tag!r}.", f"Add it: {tag}: ...")
        case "too_short" | "too_long":
            bound = context.get("min_length", context.get("max_length"))
            limit = "at least" if detail["type"] == "too_short" else "at most"
            return UserError(
                f"{where}: {name} has {context['actual_length']} entries; {limit} {bound} are needed."
                if limit == "at least"
                else f"{where}: {name} has {context['actual_length']} entries; {limit} {bound} may stand there.",
                "Add the missing ones." if limit == "at least" else "Leave some out.",
            )
        case "literal_error" | "enum":
            choices = str(context["expected"])
            words = [word.strip("' ") for word in choices.replace(" or ", ", ").split(",")]
            hint = did_you_mean(given, words) if isinstance(given, str) else f"Choose from: {choices}."
            return UserError(f"{where}: {name} may not be {describe(given)}.", hint)
    # Sorted, since Python hands out one of two equal unions, and which one depends on what was imported before.
    expectations = sorted(
        {
            EXPECTED.get(one["type"], one["msg"][0].lower() + one["msg"][1:]).format(**one.get("ctx", {}))
            for one in details
        }
    )
    return UserError(
        f"{where}: {name} must be {' or '.join(expectations)}, not {describe(given)}.",
        _remedy(expectations, given),
    )


def _remedy(expectations: list[str], given: Any) -> str:
    if given is None:
        return "Give it a value, or remove the key to use its default."
    if "text" in expectations and isinstance(given, bool | int | float):
        return (
            f'If it is meant as text, put it in quotes: "{str(given).lower() if isinstance(given, bool) else given}".'
        )
    if isinstance(given, str) and any("number" in expectation for expectation in expectations):
        return "Write it without quotes and without a unit, for example 512."
    return "Correct the value."


def _parent(name: str) -> str:
    return repr(name.rsplit(".", 1)[0]) if "." in name else "the recipe"


def _get(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def _place_in(data: Any, detail: ErrorDetails) -> Place:
    """The location of an error without the names of union branches, which pydantic puts between keys of the data."""
    location = detail["loc"]
    place: list[str | int] = []
    for index, part in enumerate(location):
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            data = data[part]
            place.append(part)
        elif detail["type"] == "missing" and index == len(location) - 1:
            place.append(part)
    return tuple(place)


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    """Keys that may stand in the mapping at pydantic's `location` in what `model` validates."""
    models = [model]
    for part in location:
        tagged = [each for each in models if any(part in get_args(f.annotation) for f in each.model_fields.values())]
        if tagged:  # the branch of a union
            models = tagged
            continue
        annotations = [
            field.annotation
            for each in models
            for name, field in each.model_fields.items()
            if isinstance(part, int) or part in (name, field.alias)
        ]
        if not isinstance(part, int):
            models = [found for annotation in annotations for found in _models_in(annotation)]
    for each in models:
        yield from (field.alias or name for name, field in each.model_fields.items())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Settings classes inside a type such as ``list[A] | B | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType, list, tuple, dict):
        for inner in get_args(annotation):
            yield from _models_in(inner)
