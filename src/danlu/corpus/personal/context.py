"""What stands around a number and says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable

ORDER_WORDS = (
    "订单", "单号", "流水", "运单", "编号", "批号", "批次", "货号", "型号", "序列号", "条码", "版本", "物流", "快递",
    "工单", "合同号", "发票", "交易号", "order", "invoice", "tracking", "serial", "sku", "batch", "part no", "ticket",
    "isbn", "issn", "imei", "ean", "upc", "transaction", "model", "product", "version", "build", "reference", "ref",
    "case", "doi", "checksum", "sn:", "sn ", "id=",
)  # fmt: skip
"""Before a number that counts things rather than stands for a person."""
REACH = 18
"""Characters before a value in which the word that names it is looked for."""


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for one of some words, in any case; ASCII words begin at the beginning of a word."""
    parts = (rf"\b{re.escape(word)}" if word[0].isascii() else re.escape(word) for word in words)
    return re.compile("|".join(parts), re.IGNORECASE | re.ASCII)


ORDER = any_of(ORDER_WORDS)
CLAUSE = re.compile(r"[\n\0,;。|\t<>\[\]]")
"""Folded text has ASCII commas. Brackets may be those of placeholders."""


def before(text: str, position: int, reach: int = REACH) -> str:
    """At most `reach` characters before `position`, of the same clause or cell."""
    window = text[max(0, position - reach) : position].rstrip("\t| ")  # the cell before may be its name
    ends = [found.end() for found in CLAUSE.finditer(window)]
    return window[ends[-1] :] if ends else window


def counts_things(text: str, position: int) -> bool:
    """Whether the number at `position` is said to be an order's, a product's and so on."""
    return ORDER.search(before(text, position)) is not None


def within_number(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]``, which consists of whole words, is a part of a longer number: 0.138..., 138...-5."""
    joined_before = start >= 2 and text[start - 1] in ".-" and _is_digit(text[start - 2])
    joined_behind = text[end : end + 1] in (".", "-") and _is_digit(text[end + 1 : end + 2])
    return joined_before or joined_behind


def _is_digit(character: str) -> bool:
    return "0" <= character <= "9"
