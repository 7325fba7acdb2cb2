"""What the tags foretell of other thresholds is what cleaning again with them does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.splits import SPLITS
from danlu.corpus.config import CleanConfig
from danlu.corpus.inspecting.movable import movable_settings, movables
from danlu.corpus.inspecting.moving import moved_by
from danlu.corpus.inspecting.subject import Subject
from danlu.corpus.inspecting.thresholds import curves_of
from danlu.errors import UserError

Cleaned = Callable[..., Subject]
Texts = Callable[..., list[dict[str, Any]]]

RULES: dict[str, Any] = {
    "gopher_repetition": {"max_top_n_grams": {2: 0.07}, "max_repeated_n_grams": {}},
    "c4": {"min_sentences": 3},
    "fineweb_quality": {"max_short_lines": 0.2},
}


def ids(subject: Subject) -> list[str]:
    return [
        row["id"] for split in SPLITS for batch in read_documents(subject.directory, split) for row in batch.to_pylist()
    ]


@pytest.fixture
def files(many: Texts) -> dict[str, list[dict[str, Any]]]:
    braces = [{"text": row["text"] + "\nThe { river and stone have walked."} for row in many(12, 300)]
    chinese = [{"text": "山中有流水，借问不知名。映地为天色，飞空作雨声。" * n} for n in range(1, 9)]
    return {"a.jsonl": many(150) + many(10) + braces + chinese}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        (["quality.gopher_quality.min_words=20"], {**RULES, "gopher_quality": {"min_words": 20}}),
        (["quality.gopher_quality.min_words=100"], {**RULES, "gopher_quality": {"min_words": 100}}),
        (
            ["quality.c4.curly_bracket=false", "quality.c4.min_sentences=2"],
            {**RULES, "c4": {"curly_bracket": False, "min_sentences": 2}},
        ),
        (
            ["quality.gopher_repetition.max_top_n_grams.2=0.2", "quality.fineweb_quality.min_stopped_lines=null"],
            {
                **RULES,
                "gopher_repetition": {"max_top_n_grams": {2: 0.2}, "max_repeated_n_grams": {}},
                "fineweb_quality": {"max_short_lines": 0.2, "min_stopped_lines": None},
            },
        ),
    ],
)
def test_as_cleaning_again(
    cleaned: Cleaned, files: dict[str, Any], settings: list[str], changed: dict[str, Any]
) -> None:
    before = cleaned(files, quality=RULES, deduplicate={"exact": False})
    after = cleaned(files, quality=changed, deduplicate={"exact": False})
    moved = moved_by(before, settings, num_samples=1000, seed=0)
    old, new = ids(before), ids(after)
    assert moved.num_kept == len(old)
    assert moved.num_back - moved.num_gone == len(new) - len(old) != 0
    assert {row.id for row in moved.back} == set(new) - set(old)
    assert {row.id for row in moved.gone} == set(old) - set(new)
    assert sum(moved.back_by_reason.values()) == moved.num_back
    assert sum(moved.gone_by_reason.values()) == moved.num_gone
    assert all(row.text for row in moved.back + moved.gone)


def test_rows_that_repeat_are_counted(cleaned: Cleaned, files: dict[str, Any]) -> None:
    before = cleaned(files, quality=RULES, deduplicate={"exact": False})
    moved = moved_by(before, ["quality.gopher_quality.min_words=5"], num_samples=1000, seed=0)
    back = moved.num_back
    assert moved.num_repeating == back - len({row.id for row in moved.back} - set(ids(before)))


def test_curves_are_what_cleaning_again_keeps(cleaned: Cleaned, files: dict[str, Any]) -> None:
    subject = cleaned(files, quality=RULES, deduplicate={"exact": False})
    curves = {curve.setting: curve for curve in curves_of(subject)}
    curve = curves["quality.gopher_quality.min_words"]
    at = dict(zip(curve.places, curve.kept, strict=True))
    assert at[50] == len(ids(subject))
    for place in [place for place in sorted(at) if at[place]][::8]:
        quality: dict[str, Any] = {**RULES, "gopher_quality": {"min_words": int(place)}}
        assert at[place] == len(ids(cleaned(files, quality=quality, deduplicate={"exact": False})))
    curve = curves["quality.gopher_repetition.max_top_n_grams.2"]
    for place, kept in [each for each in zip(curve.places, curve.kept, strict=True) if each[1]][::12]:
        quality = {**RULES, "gopher_repetition": {"max_top_n_grams": {2: place}, "max_repeated_n_grams": {}}}
        assert kept == len(ids(cleaned(files, quality=quality, deduplicate={"exact": False})))
    assert "quality.c4.curly_bracket" not in curves  # a switch has no places
    for curve in curves.values():
        assert sum(curve.bars_kept) + sum(curve.bars_left_out) == curve.num_judged
        assert dict(zip(curve.places, curve.kept, strict=True))[curve.threshold] == len(ids(subject))


def test_every_threshold_has_its_setting() -> None:
    config = CleanConfig.model_validate({"do": "clean", "into": "corpus", "from": "x", "quality": {}})
    settings = [movable.setting for movable in movables(config)]
    without = {movable.column for movable in movables(config) if not movable.setting}
    assert without == {"fineweb_quality@1/num_lines", "fineweb_quality_chinese@1/num_lines"}  # at least one, always
    assert len(set(filter(None, settings))) == len(list(filter(None, settings)))
    assert set(filter(None, settings)) <= movable_settings(config)
    by_setting = {movable.setting: movable for movable in movables(config)}
    words = by_setting["quality.gopher_quality_chinese.min_words"]
    assert (words.column, words.threshold, words.is_lowest) == ("gopher_quality_chinese@1/num_words", 80, True)


def test_other_taggers_move_as_they_judge(cleaned: Cleaned, many: Texts) -> None:
    files = {"a.jsonl": [{"text": row["text"] + "\nfuck" * (number % 5)} for number, row in enumerate(many(40))]}
    before = cleaned(files, toxicity={"max_matches": 1})
    after = cleaned(files, toxicity={"max_matches": 3})
    moved = moved_by(before, ["toxicity.max_matches=3"], num_samples=100, seed=0)
    assert moved.num_back == len(ids(after)) - len(ids(before)) > 0
    assert {row.id for row in moved.back} == set(ids(after)) - set(ids(before))
    assert [curve.setting for curve in curves_of(before)] == ["toxicity.max_matches"]


def test_scorers_and_languages_have_thresholds_too() -> None:
    config = CleanConfig.model_validate(
        {
            "do": "clean",
            "into": "corpus",
            "from": "x",
            "language": {"keep": ["zh", "en"], "at_least": 0.6},
            "scorers": {"fluent": {"at_most": 30}},
        }
    )
    language, scorer = movables(config)
    assert (language.column, language.threshold, language.is_lowest) == ("language@1/probability", 0.6, True)
    assert language.reasons[1] == "language@1: it is en with a probability under 0.6"
    assert (scorer.column, scorer.reason) == ("scorer/fluent", "scorer/fluent: it scores over 30")
    assert {"language.at_least", "scorers.fluent.at_least"} <= movable_settings(config)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("quality.gopher_quality.min_wrods=3", "no threshold"),
        ("quality.gopher_quality.min_words", "PATH=VALUE"),
        ("quality.gopher_quality.stop_words=[a]", "no threshold"),
        ("quality.fineweb_quality.short_line=10", "no threshold"),
        ("quality.gopher_quality.min_words=many", "min_words"),
        ("deduplicate.near=0.5", "no threshold"),
    ],
)
def test_what_tags_cannot_tell(cleaned: Cleaned, files: dict[str, Any], setting: str, what: str) -> None:
    subject = cleaned(files, quality=RULES)
    with pytest.raises(UserError, match=what):
        moved_by(subject, [setting], num_samples=1, seed=0)


def test_without_tags(cleaned: Cleaned, files: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no tags"):
        moved_by(cleaned(files), ["quality.gopher_quality.min_words=3"], num_samples=1, seed=0)
