"""Pages of HTML as plain text: all of it, or the main text without what stands around it on the page."""

from __future__ import annotations

from dataclasses import dataclass

from danlu.corpus.formats.blocks import Page, read_page
from danlu.corpus.formats.choosing import choose
from danlu.corpus.formats.encoding import decode_page, is_binary
from danlu.corpus.formats.rendering import render


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What is to be read on a page."""

    title: str
    """What the page calls itself in its head."""
    text: str


def main_text(html: str | bytes, *, comments: bool = False, encoding: str | None = None) -> str:
    """The main text of a page: headings, paragraphs, lists, tables and code, in their order.

    Empty if there is none, and for bytes that are no text at all.

    Args:
        html: The page. Bytes are decoded by their mark, by what they declare, or by what they look like.
        comments: Keep what readers wrote under the text, too. Where their posts are the page, as in a forum, they are
            the main text and kept anyhow.
        encoding: Of the bytes, as it came with them in the header of a response.
    """
    return read_html(html, comments=comments, encoding=encoding).text


def read_html(html: str | bytes, *, comments: bool = False, encoding: str | None = None) -> HtmlText:
    """The main text as `main_text` gives it, with the title of the page."""
    page = _page(html, encoding)
    return HtmlText(page.title, render(page, choose(page, comments=comments)))


def read_all_html(html: str | bytes, *, encoding: str | None = None) -> HtmlText:
    """All text, for pages that have nothing around theirs: chapters of books, mails."""
    page = _page(html, encoding)
    return HtmlText(page.title, render(page, page.blocks))


def _page(html: str | bytes, encoding: str | None) -> Page:
    if isinstance(html, str):
        return read_page(html)
    return read_page("" if is_binary(html) else decode_page(html, encoding))
