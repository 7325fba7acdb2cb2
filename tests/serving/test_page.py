"""The chat page needs nothing from elsewhere and never takes what a model wrote for HTML."""

from __future__ import annotations

import re
from importlib.resources import files

PAGE = files("danlu.serving").joinpath("page/chat.html").read_text(encoding="utf-8")


def test_no_outside_assets() -> None:
    addresses = set(re.findall(r"https?:[^\s\"')]+", PAGE)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)\s*=\s*[\"'](?!data:)", PAGE)
    assert "@import" not in PAGE
    assert "url(" not in PAGE


def test_text_never_becomes_html() -> None:
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert danger not in PAGE
    assert not re.search(r"\son[a-z]+\s*=", PAGE)
    assert "javascript:" not in PAGE


def test_both_languages_say_the_same() -> None:
    keys = [set(re.findall(r"\b(\w+): [\"\[]", part)) for part in re.split(r"\n  (?:en|zh): \{", PAGE)[1:]]
    zh = keys[1] & keys[0]
    assert len(keys) == 2
    assert keys[0] == zh
    used = set(re.findall(r"data-text=\"(\w+)\"", PAGE)) | set(re.findall(r"words\.(\w+)", PAGE))
    assert used <= keys[0]


def test_labels() -> None:
    assert '<label class="sr" for="question"' in PAGE
    assert "aria-live" in PAGE
    assert "aria-label" in PAGE
    assert "prefers-color-scheme: dark" in PAGE
    assert ":focus-visible" in PAGE
