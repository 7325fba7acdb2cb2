"""Numbers from a column."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.corpus.documents.scoring import scorer
from danlu.corpus.documents.template import MissingTextError


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (0.5, 0.5), ("-1e3", -1000.0), (" 2 ", 2.0)])
def test_numbers_and_text_that_is_a_number(value: Any, number: float) -> None:
    assert scorer("grade")({"grade": value}) == number


@pytest.mark.parametrize("value", [True, "good", "nan", float("inf"), [1], {}])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(MissingTextError, match="'grade' is no number"):
        scorer("grade")({"grade": value})


def test_no_column() -> None:
    assert scorer(None)({"grade": 3}) is None
    with pytest.raises(MissingTextError, match="'grade' is missing"):
        scorer("grade")({})
