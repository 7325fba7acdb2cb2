"""When something is from, as people and programs write it -> seconds since 1970, UTC."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from typing import Any

from danlu.corpus.folding import nfkc

NUMBER = re.compile(r"\d+(\.\d+)?")
DATE = re.compile(
    r"(?:(?P<year>\d{4})[-/.]|(?P<nian>\d{1,4})\s*年)\s*"
    r"(?:(?P<month>\d{1,2})\s*(?:[-/.月]\s*(?:(?P<day>\d{1,2})\s*[日号]?)?)?)?"
    r"(?:[T\s]*(?P<hour>\d{1,2})\s*[:时點点]\s*(?:(?P<minute>\d{1,2})\s*分?(?:\s*:?(?P<second>\d{1,2})\s*秒?)?)?)?"
)
"""2024/1/2 and 2024年1月2日, with the time of day or without."""
MONTH = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
COMPACT = {6: "%Y%m", 8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
"""Dates in digits alone, by their number; what has nine digits or more otherwise counts from 1970."""
SMALLEST_EPOCH = 1e8
"""Smaller numbers are years (below 10,000) or nothing."""
UNITS = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (1e20, 10**9))
"""Numbers below so much are seconds, milliseconds, microseconds, nanoseconds: from 1973 to 5138, whichever."""


def moment_of(value: Any) -> float:
    """Seconds since 1970, UTC, negative before.

    Raises:
        ValueError: it is no time that is known.
    """
    if isinstance(value, datetime):
        return _seconds(value)
    if isinstance(value, date):
        return _seconds(datetime.combine(value, time()))
    if isinstance(value, float):
        return _of_number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} is no time")
    text = nfkc(value).strip()
    try:
        return _of_digits(text) if NUMBER.fullmatch(text) else _of_text(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is no time that is known, such as 2024-01-02 or 2024年1月2日") from None


def written(moment: float) -> str:
    """ISO 8601, the day alone where it begins with the moment."""
    found = datetime.fromtimestamp(moment, UTC)
    return found.date().isoformat() if found.time() == time() else found.isoformat().replace("+00:00", "Z")


def _of_number(number: float) -> float:
    if math.isfinite(number) and float(number).is_integer() and 1 <= number <= 9999:
        return _seconds(datetime(int(number), 1, 1))
    for below, per_second in UNITS:
        if SMALLEST_EPOCH <= number < below:
            return number / per_second
    raise ValueError(f"{number!r} is neither a year nor counted from 1970")


def _of_digits(text: str) -> float:
    if len(text) in COMPACT and text.isdigit():
        return _seconds(datetime.strptime(text, COMPACT[len(text)]))
    if found := DATE.fullmatch(text):  # 2024.05
        return _of_match(found)
    return _of_number(int(text) if text.isdigit() else float(text))


def _of_text(text: str) -> float:
    if found := DATE.fullmatch(text):
        return _of_match(found)
    try:
        return _seconds(datetime.fromisoformat(text))
    except ValueError:
        if not MONTH.search(text):  # the next reads 01/02/2024 as something
            raise
        return _seconds(parsedate_to_datetime(text if ":" in text else f"{text} 00:00:00"))


def _of_match(found: re.Match[str]) -> float:
    year = int(found["year"] or found["nian"])
    month, day = (int(found[name] or 1) for name in ("month", "day"))
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    return _seconds(datetime(year, month, day, hour, minute, second))


def _seconds(moment: datetime) -> float:
    """What names no time zone is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
