"""Dates as people and programs write them are the moments that they name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.splitting.moments import moment_of, written

SECOND = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1974, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(DAYS)
def test_days_in_every_form(day: date) -> None:
    expected = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    forms: list[Any] = [
        day,
        day.isoformat(),
        f"{day.year:04}/{day.month}/{day.day}",
        f"{day.year:04}.{day.month:02}.{day.day:02}",
        f"{day.year}年{day.month}月{day.day}日",
        f" {day.year} 年 {day.month} 月 {day.day} 号",
        f"{day.year}年{day.month}月{day.day}日".translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        f"{day.year:04}{day.month:02}{day.day:02}",
    ]
    assert [moment_of(form) for form in forms] == [expected] * len(forms)
    assert written(expected) == day.isoformat()


@given(MOMENTS)
def test_moments_in_every_form(moment: datetime) -> None:
    seconds = int(moment.timestamp())
    forms: list[Any] = [moment, moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S}", format_datetime(moment)]
    forms += [seconds, str(seconds), float(seconds), seconds * 10**3, seconds * 10**6, str(seconds * 10**9)]
    forms += [f"{moment.year}年{moment.month}月{moment.day}日 {moment.hour}时{moment.minute}分{moment.second}秒"]
    forms += [f"{moment.year}/{moment.month}/{moment.day} {moment.hour}:{moment.minute:02}:{moment.second:02}"]
    assert [moment_of(form) for form in forms] == [seconds] * len(forms)
    east = moment + timedelta(hours=8)
    assert moment_of(f"{east:%Y-%m-%dT%H:%M:%S}+08:00") == seconds


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (2024, "2024-01-01"),
        (2024.0, "2024-01-01"),
        ("618年", "0618-01-01"),
        ("2024年5月", "2024-05-01"),
        ("2024-5", "2024-05-01"),
        (20240102, "2024-01-02"),
        ("202405", "2024-05-01"),
        ("2 January 2024", "2024-01-02"),
        ("Jan 2, 2024", "2024-01-02"),
        ("2024-01-02 03:04:05", written(SECOND.timestamp())),
    ],
)
def test_what_names_no_day_is_the_first(value: Any, iso: str) -> None:
    assert written(moment_of(value)) == iso


@pytest.mark.parametrize(
    "value",
    [
        *[
            "",
            "abc",
            "01/02/2024",
            "1/2/24 10:00",
            "2024-13-01",
            "2024年2月30日",
            "20241301",
            "9" * 400,
            "March of time",
        ],
        *[2024.5, True, None, -5, 0, 12345, float("nan"), float("inf"), ["2024"]],
    ],
)
def test_what_may_mean_several_days_or_none_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"time|year"):
        moment_of(value)
