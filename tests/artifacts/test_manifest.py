"""What an artifact says about itself, and which id follows from it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from danlu.artifacts.manifest import FileRecord, Manifest, Parent, SourceRecord, artifact_id

DETERMINING: dict[str, Any] = {
    "kind": "examples",
    "stage": "clean",
    "stage_version": 2,
    "settings": {"seed": 1, "deduplicate": {"near": 0.8}, "roles": ["user", "assistant"], "name": "数据"},
    "parents": [
        Parent(field="data", name="rows", kind="corpus", id="0123456789abcdef"),
        Parent(field="data", name="more", kind="corpus", id="fedcba9876543210", part="test"),
    ],
    "sources": [
        SourceRecord(uri="file:a.json", sha256="a" * 64, num_bytes=10),
        SourceRecord(uri="file:b.json", sha256="b" * 64, num_bytes=20),
    ],
}


def with_changed(records: str, index: int, **values: Any) -> dict[str, Any]:
    """The parents or the sources with one of them changed."""
    changed = list(DETERMINING[records])
    changed[index] = changed[index].model_copy(update=values)
    return {records: changed}


def test_id_is_the_hash_of_a_canonical_text() -> None:
    # Written out by hand: whoever changes this line makes every workspace run everything again.
    text = (
        '{"kind":"examples",'
        '"parents":[["data","0123456789abcdef",null],["data","fedcba9876543210","test"]],'
        '"settings":{"deduplicate":{"near":0.8},"name":"数据","roles":["user","assistant"],"seed":1},'
        f'"sources":["{"a" * 64}","{"b" * 64}"],'
        '"stage":"clean","stage_version":2}'
    )
    assert artifact_id(**DETERMINING) == hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "corpus"},
        {"stage": "clean2"},
        {"stage_version": 3},
        {"settings": {**DETERMINING["settings"], "seed": 2}},
        {"settings": {**DETERMINING["settings"], "seed": 1.5}},
        {"settings": {**DETERMINING["settings"], "seed": "1"}},
        {"settings": {**DETERMINING["settings"], "more": None}},
        {"settings": {**DETERMINING["settings"], "deduplicate": {"near": 0.9}}},
        {"settings": {**DETERMINING["settings"], "roles": ["assistant", "user"]}},
        with_changed("parents", 0, field="model"),
        with_changed("parents", 0, id="0123456789abcdee"),
        with_changed("parents", 0, part="test"),
        with_changed("parents", 1, part=None),
        {"parents": DETERMINING["parents"][::-1]},
        {"parents": DETERMINING["parents"][:1]},
        with_changed("sources", 0, sha256="c" * 64),
        {"sources": DETERMINING["sources"][::-1]},
        {"sources": []},
    ],
)
def test_id_changes_with_everything_that_determines_the_result(change: dict[str, Any]) -> None:
    assert artifact_id(**{**DETERMINING, **change}) != artifact_id(**DETERMINING)


@pytest.mark.parametrize(
    "change",
    [
        with_changed("parents", 0, name="called otherwise"),
        with_changed("sources", 0, uri="https://elsewhere.example/a.json"),
        {"settings": dict(reversed(DETERMINING["settings"].items()))},
    ],
)
def test_id_does_not_change_with_names_places_and_order_of_keys(change: dict[str, Any]) -> None:
    assert artifact_id(**{**DETERMINING, **change}) == artifact_id(**DETERMINING)


def make_manifest() -> Manifest:
    return Manifest(
        id="0123456789abcdef",
        kind="examples",
        stage="clean",
        name="rows",
        stage_version=2,
        settings=DETERMINING["settings"],
        parents=DETERMINING["parents"],
        sources=DETERMINING["sources"],
        environment={"python": "3.11"},
        files={"train.parquet": FileRecord(sha256="d" * 64, num_bytes=3)},
        facts={"num_rows": 3, "loss": 0.1},
        created="2026-01-02T03:04:05+00:00",
        seconds=1.5,
        peak_memory_bytes=100,
    )


def test_json_gives_the_manifest_back() -> None:
    assert Manifest.model_validate_json(make_manifest().model_dump_json()) == make_manifest()


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Manifest.model_validate({**make_manifest().model_dump(), "colour": "red"})


def test_missing_key_is_an_error() -> None:
    content = make_manifest().model_dump()
    del content["kind"]
    with pytest.raises(ValidationError, match="kind"):
        Manifest.model_validate(content)


def test_fields_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_manifest().id = "fedcba9876543210"  # type: ignore[misc]
