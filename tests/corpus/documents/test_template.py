"""Rows become text by a template, or are left out with what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.corpus.documents.template import MissingTextError, columns_of, renderer
from danlu.corpus.reading.row import Unreadable

ROW = {"title": "靜夜思", "paragraphs": ["牀前看月光", "疑是地上霜"], "year": 726, "a b.c": "x", "braces": "{title}"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{title}\n{paragraphs}", "靜夜思\n牀前看月光\n疑是地上霜"),
        ("{{{title}}} ({year})", "{靜夜思} (726)"),
        ("{a b.c}{braces}!", "x{title}!"),
    ],
)
def test_columns_stand_where_the_template_says(template: str, text: str) -> None:
    assert renderer(template)(ROW) == text


def test_columns_are_named_in_order() -> None:
    assert columns_of("{{x}} {b}{a} {b}") == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "'text' is missing"),
        ({"text": None}, "'text' is null"),
        ({"text": " \n"}, "'text' is empty"),
        ({"text": []}, "'text' is empty"),
        ({"text": ["a", 1]}, "'text' is not text but list"),
        ({"text": {"a": 1}}, "'text' is not text but dict"),
        ({"text": True}, "'text' is not text but bool"),
        ("text", "the row is not a mapping but str"),
        (Unreadable("line 3 is not JSON", "{"), "line 3 is not JSON"),
    ],
)
def test_rows_without_the_text_are_refused(row: Any, reason: str) -> None:
    with pytest.raises(MissingTextError) as caught:
        renderer("{text}")(row)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("", "no column"),
        ("no column", "no column"),
        ("{{a}}", "no column"),
        ("{a", "a brace that is meant as one"),
        ("a}", "a brace that is meant as one"),
        ("{}", "nothing else"),
        ("{a!r}", "nothing else"),
        ("{a:>3}", "nothing else"),
    ],
)
def test_templates_that_make_no_sense_are_refused(template: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        columns_of(template)
