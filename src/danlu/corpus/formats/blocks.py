"""A page as blocks of text, each knowing the elements it stands in.

Weights are counted in bytes of UTF-8: a Chinese character counts three times a Latin letter, which is about what it
says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from danlu.corpus.formats.hints import GONE, hint
from danlu.corpus.formats.markup import INLINE, Tag, read_markup, unescape

MAX_DEPTH = 2_000
"""Elements nested deeper are taken for parts of the one at this depth."""

VOID = frozenset(
    re.findall(
        r"\w+",
        """
    area base col embed hr img input link meta param source track wbr basefont bgsound frame
        """,
    )
)
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}

LINE = "\x0b"
"""Stands for a line break that the page asks for, until white space is put in order."""
SENTENCE = re.compile(r"[.!?;:,](?:\s|$)|[。！？；，：、…]")
BETWEEN_CHINESE = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])[ \t\r]*\n\s*(?=[\u2e80-\u9fff\uff00-\uffef])")


@dataclass(slots=True)
class Block:
    """Text between two ends of elements that are no part of a line."""

    text: str
    element: int
    """Number of the innermost element that is not part of a line."""
    weight: int
    link_weight: int
    """Of the text inside links."""
    is_code: bool

    @property
    def link_share(self) -> float:
        return min(1.0, self.link_weight / self.weight)


@dataclass(slots=True)
class Page:
    """Elements are numbered in the order in which they begin; 0 is the body."""

    title: str
    parents: list[int] = field(default_factory=lambda: [0])
    names: list[str] = field(default_factory=lambda: ["body"])
    hints: list[int] = field(default_factory=lambda: [0])
    blocks: list[Block] = field(default_factory=list)


def read_page(html: str) -> Page:
    """All text of a page in blocks. No input is an error."""
    title, tags = read_markup(html)
    page = Page(title)
    _Reader(page).read(tags)
    return page


class _Reader:
    """Goes through the tags once."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pieces: list[str] = []
        self.link_weight = 0

    def read(self, tags: list[Tag]) -> None:
        parents, names, hints = self.page.parents, self.page.names, self.page.hints
        pieces = self.pieces
        current = depth = too_deep = code = 0
        in_link = False
        gone, gone_depth = "", 0
        for slash, name, attributes, text in tags:
            if gone:
                if name == gone:
                    gone_depth += -1 if slash else 1
                    if not gone_depth:
                        gone = ""
                        pieces.append(text)
                continue
            if name in INLINE:
                if name == "a":
                    in_link = not slash
                elif not slash and ((attributes and hint(name, attributes) & GONE) or name in ("rt", "rp")):
                    gone, gone_depth = name, 1
                    continue
                if in_link and not slash and attributes and name == "a" and hint(name, attributes) & GONE:
                    gone, gone_depth, in_link = name, 1, False
                    continue
            elif name == "br":
                pieces.append("\n" if code else LINE)
            elif name not in VOID:
                if pieces:
                    self._end_block(current, code > 0)
                if slash:
                    if name == "pre" and code:
                        code -= 1
                    if too_deep:
                        too_deep -= 1
                    elif depth:
                        depth -= 1
                        current = parents[current]
                elif depth >= MAX_DEPTH:
                    too_deep += 1
                else:
                    if name == "pre":
                        code += 1
                    if name != "body":
                        parents.append(current)
                        names.append(name)
                        hints.append(hint(name, attributes))
                        current = len(parents) - 1
                        depth += 1
            if text:
                pieces.append(text)
                if in_link:
                    self.link_weight += len(text.encode())
        self._end_block(current, code > 0)

    def _end_block(self, element: int, is_code: bool) -> None:
        raw = "".join(self.pieces)
        self.pieces.clear()
        link_weight, self.link_weight = self.link_weight, 0
        if not raw or raw.isspace():
            return
        if is_code:
            text = raw.strip("\n").rstrip()
        else:
            if "\n" in raw and not raw.isascii():
                raw = BETWEEN_CHINESE.sub("", raw)
            if LINE in raw:
                lines = (" ".join(line.split()) for line in raw.split(LINE))
                text = "\n".join(line for line in lines if line)
            else:
                text = " ".join(raw.split())
        text = unescape(text)
        self.page.blocks.append(Block(text, element, len(text.encode()), link_weight, is_code))
