"""A page as a list of its tags, each with the text behind it, after a parser for HTML5 has put them in order.

Lexbor parses and writes the page out again; in what it writes, every tag is closed, every attribute quoted and every
name in lower case, so one regular expression takes it apart and says where each element ends. Walking the tree from
Python, node by node, takes about as long (0.14 ms for a page of 7 kB, against 0.19) and does not say that.
"""

from __future__ import annotations

import re
from itertools import accumulate

MAX_CHARACTERS = 8_000_000
"""More of a page is not looked at: about a second's work."""
MAX_TAGS = 300_000
"""Text behind so many is left out: about four seconds' work."""
FEW_TAGS = 2_000
"""Pages with fewer cannot grow, or nest so deep, that it matters."""
MAX_NESTED = 3_000
"""Elements in elements. The parser's time grows with the square of the depth: 20,000 take it a second."""
MAX_REOPENED = 1_000_000
"""Tags such as <b> that are never closed are opened anew in each paragraph that follows: so many at most."""

WITHOUT_TEXT = [
    "script", "style", "noscript", "template", "svg", "iframe", "object", "audio", "video", "canvas", "select",
    "textarea", "button", "datalist", "map", "dialog",
]  # fmt: skip
"""Elements of which nothing is text of the page."""

INLINE = frozenset(
    re.findall(
        r"\w+",
        """
    a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q rb ruby s samp
    small span strike strong sub sup time tt u var wbr
        """,
    )
)
"""Elements that are parts of a line; all others begin and end blocks."""

FORMATTING = re.compile(r"<(/?)(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b[^<>]*>", re.IGNORECASE)
NESTING = re.compile(
    r"<(/?)(?!(?:p|li|br|hr|img|input|link|meta|td|th|tr|dd|dt|option|html|body)\b)[a-z][^<>]*>", re.IGNORECASE
)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TITLE = re.compile(r"<title>([^<]*)</title>")
TAG = re.compile(r'<(/?)([a-z][^\s/>]*)((?:[^>"]++|"[^"]*")*+)>([^<]*+)')

Tag = tuple[str, str, str, str]
"""A slash if it is an end; its name; its attributes as they are written; the text behind it, still with entities."""


def read_markup(html: str) -> tuple[str, list[Tag]]:
    """The title of a page, and the tags of its body. No input is an error."""
    from selectolax.lexbor import LexborHTMLParser

    html = html[:MAX_CHARACTERS].replace("\0", "")
    parser = LexborHTMLParser(_tamed(html))
    parser.strip_tags(WITHOUT_TEXT)
    written = (parser.html or "").replace("&nbsp;", " ")
    if "<!--" in written:
        written = COMMENT.sub("", written)
    title = TITLE.search(written)
    begin = written.find("<body")
    tags: list[Tag] = TAG.findall(written, max(begin, 0))[:MAX_TAGS]
    return unescape(" ".join(title.group(1).split())) if title else "", tags


def _tamed(html: str) -> str:
    """The page without tags that would make parsing it take more than some seconds; its text stays."""
    num_tags = html.count("<")
    if num_tags <= FEW_TAGS:
        return html
    most_open = max(accumulate(-1 if slash else 1 for slash in FORMATTING.findall(html)), default=0)
    if most_open * num_tags > MAX_REOPENED and most_open > 20:
        html = FORMATTING.sub("", html)
    depth = 0

    def shallow(tag: re.Match[str]) -> str:
        nonlocal depth
        too_deep = depth > MAX_NESTED
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        return "" if too_deep else tag.group()

    deepest = max(accumulate(-1 if slash else 1 for slash in NESTING.findall(html)), default=0)
    return NESTING.sub(shallow, html) if deepest > MAX_NESTED else html


def unescape(text: str) -> str:
    """Of the entities there are three left after parsing."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
