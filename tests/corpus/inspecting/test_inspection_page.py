"""The page is whole in itself, and what comes from data stays text, whatever it looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from danlu.corpus.inspecting.card import card_of
from danlu.corpus.inspecting.difference_page import render_difference
from danlu.corpus.inspecting.differing import difference_of
from danlu.corpus.inspecting.inspection import inspect
from danlu.corpus.inspecting.moving import moved_by
from danlu.corpus.inspecting.page import render
from danlu.corpus.inspecting.subject import Subject

HOSTILE = '</script><script>alert(1)</script><img src="http://evil.example/x" onerror=alert(2)>\'"&{{ 7*7 }}]]>'
ALLOWED_TAGS = {
    *("html", "head", "meta", "title", "style", "script", "body", "main", "header", "nav", "section", "article", "div"),
    *("h1", "h2", "h3", "h4", "p", "span", "b", "i", "small", "code", "a", "button", "input", "details", "summary"),
    *("wbr", "ul", "li", "table", "tr", "th", "td", "svg", "rect", "line", "text", "polyline"),
}


class Read(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


@pytest.fixture
def subject(cleaned: Callable[..., Subject], many: Callable[..., list[dict[str, Any]]]) -> Subject:
    rows = [{"text": f"{HOSTILE}\n{row['text']}", "kind": HOSTILE if number % 2 else "b"}
            for number, row in enumerate(many(60))]  # fmt: skip
    near = [{"text": f"{HOSTILE}\n{row['text']} Light.", "kind": "b"} for row in many(12)[9:]]
    rules = {"sets": ["gopher_quality"]}
    return cleaned(
        {"<b>a&.jsonl": rows + near, "c.jsonl": [{"text": None}, {"text": "y", "kind": "b"}]},
        quality=rules,
        deduplicate={"near": 0.8},
        label="{kind}",
        rights={"*": {"licence": HOSTILE, "consent": HOSTILE}},
    )


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_page_needs_nothing_and_runs_nothing_of_the_data(subject: Subject, language: Any) -> None:
    moved = moved_by(subject, ["quality.gopher_quality.min_words=70"], num_samples=3, seed=0)
    page = Read(render(inspect(subject), moved, language))
    assert {tag for tag, _ in page.tags} <= ALLOWED_TAGS
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("src", "srcset", "action") for name in attributes), tag
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    assert not re.search(r"url\(|@import", render(inspect(subject), moved, language))
    data, script = page.scripts
    assert json.loads(data)[0]["setting"].startswith("quality.")
    assert "fetch" not in script
    assert "alert" not in script
    assert HOSTILE.replace("\n", " ")[:40] in page.text
    assert "{{ 7*7 }}" in page.text
    assert dict(page.tags)["html"] == {"lang": "zh" if language == "chinese" else "en"}
    for words in ("Funnel", "过滤漏斗", "Move a threshold", "移动阈值", "Class balance", "类别平衡"):
        assert words in page.text


def test_every_slider_has_its_places(subject: Subject) -> None:
    found = inspect(subject)
    page = Read(render(found, None, "english"))
    curves = json.loads(page.scripts[0])
    sliders = [attributes for tag, attributes in page.tags if tag == "input"]
    assert len(sliders) == len(curves) > 0
    for slider, curve in zip(sliders, curves, strict=True):
        assert int(slider["max"] or "") == len(curve["places"]) - 1 == len(curve["kept"]) - 1
        assert int(slider["value"] or "") == curve["now"]
        assert curve["kept"][curve["now"]] == found.funnel.num_kept


def test_the_difference_escapes_too(subject: Subject, cleaned: Callable[..., Subject]) -> None:
    other = cleaned({"a.jsonl": [{"text": f"{HOSTILE} {n}"} for n in range(5)]}, matching=".*\\d")
    difference = difference_of(subject, other, num_samples=2, seed=0)
    page = Read(render_difference(difference, "english"))
    assert {tag for tag, _ in page.tags} <= ALLOWED_TAGS
    assert not page.scripts
    assert "{{ 7*7 }}" in page.text


def test_the_card_escapes_too(subject: Subject) -> None:
    card = card_of(subject, inspect(subject), "english")
    body = card.split("---", 2)[2]
    assert "<img" not in body
    assert "<script" not in body
    assert "<b>" not in body
