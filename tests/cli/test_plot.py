"""Plots of braille dots."""

from __future__ import annotations

import pytest

from danlu.cli.plot import bars, plot


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = [line.plain for line in plot({"loss": ([0, 1], [2.0, 4.0])}, width=20, height=5)]
    assert [len(line) for line in lines] == [20] * 6
    assert lines[0].lstrip().startswith("4 ")
    assert lines[4].lstrip().startswith("2 ")
    first = [
        next(place for place, character in enumerate(line[10:]) if "\u2800" < character <= "\u28ff")
        for line in lines[:5]
    ]
    assert first == sorted(first, reverse=True)
    assert lines[5].split() == ["0", "step", "1"]


def test_a_limit_is_drawn_across_at_its_height() -> None:
    lines = [line.plain for line in plot({"a": ([0, 1], [1.0, 1.0])}, width=30, height=5, limit=3.0)]
    assert lines[0].count("┄") == 20
    assert all("┄" not in line for line in lines[1:])


def test_only_the_region_is_marked() -> None:
    line = plot({"a": ([0, 100], [1.0, 2.0])}, width=50, height=3, region=(50, 100))[0]
    marked = [span.start for span in line.spans if "on #" in str(span.style)]
    assert min(marked) == 30
    assert max(marked) == 49


@pytest.mark.parametrize("values", [[], [float("nan")], [0.0, -1.0]])
def test_nothing_is_drawn_of_nothing(values: list[float]) -> None:
    assert plot({"a": (list(range(len(values))), values)}, width=40, logarithmic=True) == []


def test_many_points_are_drawn_as_their_medians() -> None:
    values = [1.0 if place % 50 else 1000.0 for place in range(5000)]
    lines = [line.plain[10:] for line in plot({"a": (list(range(5000)), values)}, width=40, height=4)]
    assert sum("\u2800" < character <= "\u28ff" for line in lines[:3] for character in line) <= 2


def test_bars_are_as_long_as_their_shares() -> None:
    lines = [line.plain for line in bars({"good": "100", "bad": "25"}, {"good": 1.0, "bad": 0.25}, ["bad"], width=20)]
    assert [line.count("━") for line in lines] == [20, 5]
    assert lines[1].startswith(" bad ")
