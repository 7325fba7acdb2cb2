"""Lines as a page of a PDF shows them, put together into paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

REPEATED_SHARE = 0.5
"""Of the pages: a first or last line that stands on more of them is a running head or foot."""
EDGE_LINES = 2
"""So many lines at the top and at the bottom of a page may be running heads and feet."""
FULL = 0.7
"""Of the usual length: a line that is shorter ends a paragraph."""

DIGITS = re.compile(r"\d+")
PAGE_NUMBER = re.compile(r"^\W*(?:page\s*|第\s*)?\d{1,4}(?:\s*(?:of|/|页|頁|共).{0,12})?\W*$", re.IGNORECASE)
HYPHENATED = re.compile(r"(?<=[^\W\d_]{2})[-\u00ad\u2010]$")
NEW_ITEM = re.compile(
    r"^(?:[•·▪◦●■*–-]\s|\(?\d{1,3}[.)、]\s?|[（(][一二三四五六七八九十\d]+[）)]|[一二三四五六七八九十]+、|第[一二三四五六七八九十百\d]+[章节條条])"
)
SENTENCE_END = re.compile(r"""[.!?:。！？：…][”"'’）)」』]?$""")
WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]")


def without_running_lines(pages: Sequence[str]) -> list[list[str]]:
    """Lines of each page, without page numbers and what stands at the edge of most pages."""
    lines = [[" ".join(line.split()) for line in page.split("\n")] for page in pages]
    edges: Counter[str] = Counter()
    for page in lines:
        edges.update({_edge_key(line) for line in _edges(page)})
    least = max(3, REPEATED_SHARE * len(pages))
    repeated = {key for key, count in edges.items() if count >= least}
    return [_trim(page, repeated) for page in lines]


def _edges(page: list[str]) -> list[str]:
    filled = [line for line in page if line]
    return filled[:EDGE_LINES] + filled[-EDGE_LINES:]


def _edge_key(line: str) -> str:
    """Equal for running heads that differ in the page's number only."""
    return DIGITS.sub("#", line)


def _trim(page: list[str], repeated: set[str]) -> list[str]:
    for end in (0, -1):
        for _ in range(EDGE_LINES + page.count("")):
            if page and (not page[end] or _edge_key(page[end]) in repeated or PAGE_NUMBER.match(page[end])):
                page.pop(end)
    return page


def join_lines(lines: Sequence[str]) -> str:
    """Paragraphs with an empty line between them. A word divided at the end of a line is put together."""
    lengths = [len(line) for line in lines if len(line) > 20]
    full = FULL * median(lengths) if lengths else 0
    paragraphs: list[str] = []
    open_paragraph = False
    for line in lines:
        if not line:
            open_paragraph = False
            continue
        if open_paragraph and not NEW_ITEM.match(line):
            paragraphs[-1] = _join(paragraphs[-1], line)
        else:
            paragraphs.append(line)
        ends = len(line) < full and (SENTENCE_END.search(line) is not None or len(line) < 0.6 * full)
        open_paragraph = not ends
    return "\n\n".join(paragraphs)


def _join(before: str, line: str) -> str:
    if HYPHENATED.search(before) and line[:1].islower():
        return before[:-1] + line
    if WIDE.match(before[-1:]) and WIDE.match(line[:1]):
        return before + line
    return f"{before} {line}"
