"""Settings of ``do: clean``: each kind has its own, and no more than what counts is part of an artifact's identity."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from danlu.corpus.config import ONLY_FOR, CleanConfig
from danlu.corpus.kept_settings import kept_settings
from danlu.errors import UserError


def config(**settings: Any) -> CleanConfig:
    return CleanConfig.model_validate({"do": "clean", "from": "file:x", **settings})


def test_into_is_the_kind() -> None:
    assert config().kind == "examples"
    assert config(into="corpus").kind == "corpus"


@pytest.mark.parametrize(
    ("into", "setting", "value"),
    [
        ("corpus", "format", "auto"),
        ("corpus", "columns", {}),
        ("corpus", "system", "Be brief."),
        ("examples", "include", []),
        ("examples", "exclude", ["*"]),
        ("examples", "documents", "file"),
        ("examples", "text", "{text}"),
        ("examples", "chinese", None),
        ("examples", "matching", "a"),
    ],
)
def test_settings_of_the_other_kind_are_refused(into: str, setting: str, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        config(into=into, **{setting: value})
    other = "corpus" if into == "examples" else "examples"
    assert caught.value.what == f"{setting} goes with 'into: {other}', and this stage says 'into: {into}'."
    assert caught.value.hint == f"Remove {setting}, or write into: {other}."


def _in_id(settings: CleanConfig) -> dict[str, Any]:
    return settings.settings_in_id(settings.model_dump(mode="json", by_alias=True, exclude={"do"}))


def test_identity_holds_what_counts() -> None:
    dumped = {into: _in_id(config(into=into)) for into in ("examples", "corpus")}
    not_in_id = {"do", "into", "from_", "rights"} | CleanConfig.NOT_IN_ID
    everything = CleanConfig.model_fields.keys() - not_in_id | {"from"}
    assert dumped["examples"].keys() == everything - set(ONLY_FOR["corpus"])
    assert dumped["corpus"].keys() == everything - set(ONLY_FOR["examples"])
    assert {"text", "label", "quality"} <= dumped["corpus"].keys() - dumped["examples"].keys()


@pytest.mark.parametrize(
    "settings",
    [{"text": "no column"}, {"chinese": "cantonese"}, {"documents": "page"}, {"include": "*.txt"}, {"matching": "("}],
)
def test_settings_of_a_corpus_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(into="corpus", **settings)


@pytest.mark.parametrize("into", ["corpus", "examples"])
def test_settings_of_a_manifest_can_be_read_again(into: str) -> None:
    config = CleanConfig.model_validate({"do": "clean", "into": into, "from": "x", "personal": {}})
    kept = config.model_dump(mode="json", by_alias=True, exclude={"do"})
    if into == "corpus":
        kept["toxic_words"] = []  # what stands for sources, where none are named
    read = CleanConfig.model_validate({**kept, "do": "clean", "into": into})
    assert _in_id(read) | {"toxic_words": None} == _in_id(config) | {"toxic_words": None}


def test_scorers_of_a_manifest_have_their_names_again() -> None:
    config = CleanConfig.model_validate(
        {"do": "clean", "into": "corpus", "from": "x", "scorers": {"fluent": {"at_most": 30}}}
    )
    kept = config.model_dump(mode="json", by_alias=True, exclude={"do"})
    kept["scorers"] = [["fluent=0123456789ab", kept["scorers"]["fluent"]]]  # as references with bounds stand there
    read = kept_settings(kept, "corpus")
    assert read is not None
    assert read.scorers == config.scorers
    assert kept_settings({**kept, "unheard_of": 1}, "corpus") is None
