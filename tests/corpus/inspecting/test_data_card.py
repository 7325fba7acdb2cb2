"""The card says what the inspection found, in both languages, and its header is what programs expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from danlu.corpus.inspecting.card import card_of
from danlu.corpus.inspecting.inspection import inspect
from danlu.corpus.inspecting.subject import Subject

Cleaned = Callable[..., Subject]
Texts = Callable[..., list[dict[str, Any]]]


def header(card: str) -> dict[str, Any]:
    begin, content, _ = card.split("---\n", 2)
    assert begin == ""
    read: dict[str, Any] = yaml.safe_load(content)
    return read


def test_a_corpus(cleaned: Cleaned, many: Texts) -> None:
    subject = cleaned(
        {"a.jsonl": many(60), "b.jsonl": many(30, 100) + many(5)},
        quality={"sets": ["gopher_quality"]},
        personal={},
        split={"test": 0.2},
        rights={"*/a.*": {"licence": "CC-BY-4.0", "consent": "by contract"}, "*": {"licence": "CC-BY-4.0"}},
    )
    found = inspect(subject)
    card = card_of(subject, found, "english")
    about = header(card)
    assert about["license"] == "cc-by-4.0"
    assert about["language"] == ["en"]
    assert about["size_categories"] == ["n<1K"]
    splits = about["configs"][0]["data_files"]
    assert splits == [{"split": name, "path": f"{name}-*.parquet"} for name in ("train", "test")]
    for entry in splits:
        assert list(subject.directory.glob(entry["path"]))
    for said in (
        f"| train | {found.splits['train'].num_rows:,} | {found.splits['train'].num_characters:,} |",
        "fewer than 50 words",
        "by contract",
        "exact duplicates",
        "## Personal information",
        "Near duplicates were not looked for.",
        f"Artifact `{subject.id}`",
    ):
        assert said in card
    assert "nobody stated a licence" not in card


@pytest.mark.parametrize(
    ("rights", "licence"),
    [
        ({}, "unknown"),
        ({"*/a.*": {"licence": "MIT"}}, "unknown"),
        ({"*/a.*": {"licence": "MIT"}, "*": {"consent": "asked"}}, "unknown"),
        ({"*/a.*": {"licence": "MIT"}, "*": {"licence": "Apache-2.0"}}, "other"),
    ],
)
def test_the_licence_of_all_of_it(cleaned: Cleaned, many: Texts, rights: dict[str, Any], licence: str) -> None:
    subject = cleaned({"a.jsonl": many(5), "b.jsonl": many(5, 100)}, rights=rights)
    assert header(card_of(subject, inspect(subject), "english"))["license"] == licence


def test_in_chinese(cleaned: Cleaned) -> None:
    rows = [{"prompt": f"第{n}个问题是什么？", "completion": "答案" * n} for n in range(1, 9)]
    subject = cleaned({"a.jsonl": rows}, into="examples")
    card = card_of(subject, inspect(subject), "chinese")
    assert header(card)["language"] == ["zh"]
    assert header(card)["configs"][0]["data_files"] == [{"split": "train", "path": "train.parquet"}]
    for heading in ("## 划分", "## 来源、许可与同意", "## 过滤", "## 个人信息", "## 已知局限", "## 版本"):
        assert heading in card
    assert "8 段对话" in card
