"""The main text of pages that the tests write themselves."""

from __future__ import annotations

import random
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.formats.html import main_text, read_all_html, read_html

SENTENCES = "The wall was built in 1887, and it has been mended twice since. Nobody remembers why it leans. " * 3
CHINESE = "城墙始建于一八八七年，此后修缮过两次。没有人记得它为什么向东倾斜，老人们说是风吹的。" * 3
NAVIGATION = (
    "<div class='menu'><ul>" + "".join(f"<li><a href='/{n}'>Section {n}</a></li>" for n in range(12)) + "</ul></div>"
)
FOOTER = (
    "<div id='footer'><a href='/a'>About</a> | <a href='/b'>Imprint</a><p>All rights reserved, every one of them.</p>"
    "</div>"
)


def page(main: str, head: str = "<title>The wall</title>", around: str = NAVIGATION) -> str:
    return f"<html><head>{head}</head><body>{around}<div class='content'>{main}</div>{FOOTER}</body></html>"


def test_navigation_and_footer_go_and_the_text_stays_in_order() -> None:
    text = main_text(page(f"<h1>The wall</h1><p>First. {SENTENCES}</p><h2>Later</h2><p>Second. {SENTENCES}</p>"))
    assert text.startswith("The wall\n\nFirst. The wall")
    assert text.index("First.") < text.index("\n\nLater\n\n") < text.index("Second.")
    assert "Section" not in text
    assert "rights" not in text


def test_lists_and_their_numbers() -> None:
    text = main_text(
        page(
            f"<p>{SENTENCES}</p><ul><li>one rope</li><li>two <b>knots</b></li></ul><ol><li>Tie.</li><li>Pull.</li></ol>"
        )
    )
    assert "- one rope\n- two knots\n\n1. Tie.\n2. Pull." in text


def test_cells_of_a_row_are_separated() -> None:
    table = (
        "<table><tr><th>Month</th><th>Rain</th></tr><tr><td>May</td><td>24</td></tr><tr><td>June</td><td>38</td></tr>"
        "</table>"
    )
    assert "Month | Rain\nMay | 24\nJune | 38" in main_text(page(f"<p>{SENTENCES}</p>{table}<p>{SENTENCES}</p>"))


def test_code_keeps_its_line_breaks_and_indentation() -> None:
    code = "<pre><code>if a &lt; b:\n    <span class='k'>return</span> a &amp; b\n</code></pre>"
    assert "if a < b:\n    return a & b" in main_text(page(f"<p>{SENTENCES}</p>{code}<p>{SENTENCES}</p>"))


def test_line_breaks_that_the_page_asks_for() -> None:
    assert "The rope is stiff,\nthe bell is dumb;" in main_text(
        page("<p>The rope\n is stiff,<br>the bell is dumb;<br>the far bank white and near, and no one calls.</p>")
    )


def test_blanks_between_chinese_characters_come_from_the_markup_only() -> None:
    text = main_text(page(f"<p>　　城墙\n  始建于，{CHINESE}</p>"))
    assert text.startswith("城墙始建于，城墙始建于一八八七年，")


def test_chinese_page_with_links_of_two_characters() -> None:
    links = "".join(
        f"<a href='/{n}'>{word}</a>" for n, word in enumerate(["首页", "新闻", "体育", "财经", "科技", "论坛"])
    )
    related = (
        "<div class='x'><h3>相关阅读</h3><ul>"
        + "<li><a href='/1'>河里的鱼又回来了，而且比从前多</a></li>" * 4
        + "</ul></div>"
    )
    text = main_text(
        f"<body><div class='a'>{links}</div><div class='b'><h1>城墙</h1><p>{CHINESE}</p><p>{CHINESE}</p>"
        f"{related}</div></body>"
    )
    assert text == f"城墙\n\n{CHINESE}\n\n{CHINESE}"


def test_comments_only_on_request() -> None:
    html = page(
        f"<p>{SENTENCES * 2}</p><div class='comments'><p>My uncle built that wall, and he was never sober.</p></div>"
    )
    assert "uncle" not in main_text(html)
    assert "uncle" in main_text(html, comments=True)


def test_a_name_does_not_hide_what_is_most_of_the_page() -> None:
    html = f"<body>{NAVIGATION}<div class='sidebar-widget comments'><p>{SENTENCES}</p><p>{SENTENCES}</p></div></body>"
    assert main_text(html).count("1887") == 6


def test_a_footer_stays_one_even_if_there_is_little_else() -> None:
    html = f"<body><div><p>The pool is closed on Thursday.</p></div><div class='footer'><p>{SENTENCES}</p></div></body>"
    assert main_text(html) == "The pool is closed on Thursday."


def test_links_and_sections_of_documentation() -> None:
    """Sphinx calls links "reference", and sections by the words of their headings."""
    section = (
        f"<section id='sidebar-widget'><h2>Widgets</h2><p>{SENTENCES} See <a class='reference' href='x'>reply</a>"
        f".</p></section>"
    )
    note = "<sup class='reference'><a href='#1'>[1]</a></sup>"
    text = main_text(page(f"<section id='all'><h1>The wall</h1><p>{SENTENCES}{note}</p>{section}</section>"))
    assert "Widgets\n\nThe wall" in text
    assert text.endswith("See reply.")
    assert "[1]" not in text


def test_a_page_that_is_a_list_of_titles() -> None:
    titles = [f"Report {number} on what road salt does to a brook" for number in range(12)]
    items = "".join(f"<li><a href='/{title}'>{title}</a></li>" for title in titles)
    text = main_text(f"<body>{NAVIGATION}<div><h2>Reports</h2><ul>{items}</ul></div>{FOOTER}</body>")
    assert text == "Reports\n\n" + "\n".join(f"- {title}" for title in titles)


def test_the_title_is_found_outside_the_text() -> None:
    html = (
        f"<title>The leaning wall - Daily</title><div><h1>The leaning wall</h1></div>{NAVIGATION}<div><p>"
        f"{SENTENCES}</p><p>{SENTENCES}</p></div>"
    )
    assert main_text(html).startswith("The leaning wall\n\nThe wall was")


def test_title_and_everything() -> None:
    html = page(f"<p>{SENTENCES}</p>", head="<title> The\n wall &amp; more </title>")
    assert read_html(html).title == "The wall & more"
    assert "Section 3" in read_all_html(html).text


def test_bytes_that_are_no_text() -> None:
    picture = b"\x89PNG\r\n\x1a\n" + random.Random(0).randbytes(5000)
    assert main_text(picture) == ""
    assert main_text(zlib.compress(SENTENCES.encode() * 50)) == ""
    assert main_text(page(f"<p>{CHINESE}</p>").encode("utf-16-le")).endswith(CHINESE)


@pytest.mark.parametrize(
    "html",
    ["", " ", "plain words", "<", "<p", "<!--", "</div>" * 50, "<table><td><p>", "\0\0", b"", b"\xff\xfe", b"\x80"],
)
def test_broken_pages_are_no_error(html: str | bytes) -> None:
    assert isinstance(main_text(html), str)


PIECES = (
    (
        "<p> </p> <div\u00a0class=' '> <a\u00a0href=x> </a> <table> <tr> <td> </table> <pre> </pre> <b> </i> <!-- --> "
        "<script> </script> "
        '<ul> <li> text. 中文。 &amp; & <br> " <svg> <select> <form> </form> <h2> <template> <math> ]]> <![CDATA[ <rt> '
        "<span\u00a0hidden> </span> \n"
    )
    .replace("\u00a0", "\t")
    .split(" ")
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=60,
    ).map("".join)
    | st.text()
    | st.binary()
)
def test_no_input_is_an_error(html: str | bytes) -> None:
    assert isinstance(main_text(html), str)
    assert isinstance(read_all_html(html).text, str)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 200_000 + SENTENCES,
        "<b>" * 100_000 + "<p>x" * 1000 + SENTENCES,
        "<p>" + "".join(f"<i id={n}>" for n in range(900)) + "</p><p>word" * 300_000,
        "<div>" * 100_000 + SENTENCES + "</div>" * 100_000,
        "<b " * 200_000,
        "<table><tr><td>" * 20_000 + SENTENCES,
        "<p>" + "word " * 1_000_000,
        "<a href='x'>y</a> " * 100_000,
        "<" * 300_000,
        "<!--" * 100_000,
        "<p a='" * 100_000,
    ],
    ids=[
        "deep",
        "formatting",
        "different-formatting",
        "deep-and-closed",
        "unfinished",
        "tables",
        "long",
        "links",
        "angles",
        "comments",
        "quotes",
    ],
)
def test_hostile_pages_take_seconds_at_most(html: str) -> None:
    began = time.process_time()
    main_text(html)
    assert time.process_time() - began < 8
