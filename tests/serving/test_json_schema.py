"""Which schemas are promised and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.serving.json_schema import check_json_schema

PERSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Person",
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "kind": {"enum": ["a", 1, None]},
        "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}, "maxItems": 3},
        "pet": {"anyOf": [{"const": "cat"}, {"type": "boolean"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"friend": {"type": "string"}},
}


def test_common_schema() -> None:
    check_json_schema(PERSON)
    check_json_schema({})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": []},
        {"type": 5},
        {"$ref": "#/x"},
        {"$ref": "http://example.org/x"},
        {"type": "string", "pattern": "((("},
        {"type": "string", "format": "date"},
        {"allOf": [{}]},
        {"not": {}},
        {"anyOf": []},
        {"anyOf": "x"},
        {"enum": []},
        {"required": "name"},
        {"properties": []},
        {"properties": {"a": 5}},
        {"items": [{}]},
        {"type": "string", "maxLength": 10**9},
        {"type": "string", "maxLength": -1},
        {"type": "string", "maxLength": True},
        {"minimum": "0"},
        {"anyOf": [{}] * 1000},
        {"type": "object", "properties": {"a": {"properties": {"b": {"oneOf": []}}}}},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"schema"):
        check_json_schema(schema)
