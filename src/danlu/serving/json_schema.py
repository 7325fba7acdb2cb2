"""Which JSON schemas can be promised: llama.cpp drops a schema it does not understand without saying so.

What passes here it obeys; anything else is refused before an answer is begun.
"""

from __future__ import annotations

from typing import Any

TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
NOTES = {"title", "description", "$schema", "$id", "default", "examples"}
COUNTS = {"minLength", "maxLength", "minItems", "maxItems"}
LIMITS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
MAX_COUNT = 1000
MAX_NODES = 500


def check_json_schema(schema: dict[str, Any]) -> None:
    """Pass if answers can be held to `schema`.

    Raises:
        ValueError: a keyword or a value in it is not supported; the message names it.
    """
    definitions = {f"#/{key}/{name}" for key in ("$defs", "definitions") for name in _mapping(schema, key)}
    waiting: list[Any] = [schema]
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            raise ValueError(f"the schema has more than {MAX_NODES} parts")
        if isinstance(node, bool):
            continue
        if not isinstance(node, dict):
            raise ValueError("each part of the schema must be an object")
        for keyword, value in node.items():
            waiting += _check_keyword(keyword, value, node, definitions)


def _check_keyword(keyword: str, value: Any, node: dict[str, Any], definitions: set[str]) -> list[Any]:
    """The sub-schemas of one keyword, to be checked in turn."""
    known = True
    if keyword == "type":
        kinds = value if isinstance(value, list) and value else [value]
        known = all(isinstance(kind, str) and kind in TYPES for kind in kinds)
    elif keyword in ("properties", "$defs", "definitions"):
        return list(_mapping(node, keyword).values())
    elif keyword in ("items", "additionalProperties"):
        return [value]
    elif keyword == "anyOf":
        known = isinstance(value, list) and bool(value)
        return value if known else _refuse(keyword)
    elif keyword == "required":
        known = isinstance(value, list) and all(isinstance(name, str) for name in value)
    elif keyword == "enum":
        known = isinstance(value, list) and bool(value)
    elif keyword == "$ref":
        known = value in definitions
    elif keyword in COUNTS:
        known = _is_number(value, int) and 0 <= value <= MAX_COUNT
    elif keyword in LIMITS:
        known = _is_number(value, int | float)
    elif keyword not in NOTES | {"const"}:
        raise ValueError(f"the schema keyword {keyword!r} is not supported")
    return [] if known else _refuse(keyword)


def _refuse(keyword: str) -> list[Any]:
    raise ValueError(f"the value of the schema keyword {keyword!r} is not supported")


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _mapping(node: dict[str, Any], keyword: str) -> dict[str, Any]:
    value = node.get(keyword, {})
    if not isinstance(value, dict):
        _refuse(keyword)
    mapping: dict[str, Any] = value
    return mapping
