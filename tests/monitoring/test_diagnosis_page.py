"""The page: whole, self-contained, safe."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
from curves_by_formula import STEPS, curves, noisy, power_law, series

from danlu.monitoring.charts import chart
from danlu.monitoring.curves import Curves, DataFacts, Series
from danlu.monitoring.diagnosis import diagnose
from danlu.monitoring.finding import Bars, Evidence, Region
from danlu.monitoring.page import render

VOID = {"meta", "br", "rect", "circle", "line", "polyline", "link", "img"}


class Balance(HTMLParser):
    """Sees that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def page_of(found: Curves) -> str:
    page = render([diagnose(found)])
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    return page


def test_a_healthy_run_shows_its_curves() -> None:
    page = page_of(curves())
    assert "nothing wrong" in page
    assert page.count("<svg") == 3


def test_a_finding_shows_sentence_change_and_marked_plot() -> None:
    loss = power_law()
    loss[250:] = 7.0
    page = page_of(curves(noisy(loss), validation__loss=None))
    assert "<h2>Divergence</h2>" in page
    assert "--set tuned.optimizer.learning_rate=0.0003" in page
    assert 'class="region"' in page


def test_bars_and_what_could_not_be_looked_at() -> None:
    facts = DataFacts(unigram_nats=0.2, class_counts={"好": 960, "<坏>": 40})
    page = page_of(curves(noisy(np.linspace(0.5, 0.05, STEPS), noise=0.01), data=facts, validation__loss=None))
    assert "Class imbalance" in page
    assert "&lt;坏&gt;" in page
    assert "<坏>" not in page
    assert "could not be looked at" in page.lower()


def test_a_name_cannot_break_out_of_the_page() -> None:
    evil = Curves("<script>alert(1)</script>", curves().series)
    assert "<script" not in page_of(evil)


def test_a_line_lies_where_its_values_are() -> None:
    evidence = Evidence("Loss", "nats", {"loss": series([0.0, 1.0])}, Region(1, 2, "all"), 0.5, "half")
    picture = chart(evidence)
    assert 'points="62.0,224.0 704.0,14.0"' in picture
    assert re.search(r'class="limit"[^>]* y1="119.0"', picture)


def test_a_logarithmic_line_leaves_out_what_is_not_above_zero() -> None:
    picture = chart(Evidence("Norm", "", {"norm": series([0.0, 1.0, 10.0, 100.0])}, logarithmic=True))
    (points,) = re.findall(r'points="([^"]*)"', picture)
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 3
    assert heights[0] - heights[1] == heights[1] - heights[2]


def test_nothing_to_draw_is_no_picture() -> None:
    assert chart(Evidence("Loss", "", {"loss": Series(np.array([1.0]), np.array([np.nan]))})) == ""


def test_a_bar_is_as_long_as_its_value() -> None:
    picture = chart(Evidence("Rows", bars=Bars({"a": 100.0, "b": 25.0}, "", ("b",))))
    lengths = [float(width) for width in re.findall(r'class="bar[^"]*" [^>]*width="([\d.]+)"', picture)]
    assert lengths == [480.0, 120.0]
    assert 'class="bar marked"' in picture
