"""Payment cards: a known prefix, its lengths, and Luhn's check digit."""

from __future__ import annotations

import re
from collections.abc import Collection

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw, laid_out
from danlu.corpus.personal.kind import Kind, Span
from danlu.corpus.personal.kinds.checksums import luhn_check

ISSUERS: tuple[tuple[str, str, Collection[int]], ...] = (
    ("620", "629", (16, 17, 18, 19)),  # UnionPay
    ("810", "817", (16, 17, 18, 19)),  # UnionPay
    ("9558", "9558", (16, 17, 18, 19)),  # ICBC, before UnionPay's prefix
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),  # American Express
    ("35", "35", (16, 17, 18, 19)),  # JCB, which has 3528 to 3589; made-up cards have the others, too
    ("300", "305", (14,)),  # Diners Club
    ("3095", "3095", (14,)),  # Diners Club
    ("36", "36", (14,)),  # Diners Club
    ("38", "39", (14,)),  # Diners Club
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),  # Discover
    ("60", "60", (16,)),  # RuPay and others
    ("2131", "2131", (15,)),  # JCB
    ("1800", "1800", (15,)),  # JCB
    ("5018", "5020", range(12, 20)),  # Maestro
    ("5038", "5038", range(12, 20)),  # Maestro
    ("56", "58", range(12, 20)),  # Maestro
    ("6304", "6304", range(12, 20)),  # Maestro
    ("6390", "6390", range(12, 20)),  # Maestro
    ("6759", "6763", range(12, 20)),  # Maestro
    ("0604", "0604", range(12, 20)),  # Maestro
)
"""First and last prefix of a range, and how many digits such cards have."""
NOBODY = "99"
"""No issuer begins so: a stand-in is nobody's card."""

SHAPES = tuple(
    re.compile(shape + r"(?!\w)", re.ASCII)
    for shape in (
        r"\d{12,19}",
        r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}\1\d{1,3}",
        r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}",  # the group behind may be the next number
        r"\d{4}([ -])\d{6}\1\d{4,5}",
        r"\d{6}([ -])\d{7,13}",
    )
)
CONTEXT = any_of(("卡", "账号", "帐号", "账户", "银行", "card", "account", "visa", "mastercard", "unionpay", "amex"))


def find(text: str, position: int, size: int) -> Span | None:
    for shape in SHAPES:
        match = shape.match(text, position)
        if match and not within_number(text, position, match.end()) and is_valid(canonical(match.group())):
            said = before(text, position)
            return None if counts_things(text, position) and not CONTEXT.search(said) else match.span()
    return None


def is_valid(digits: str) -> bool:
    """Whether an issuer has cards of this prefix and length, and the check digit is right."""
    known = any(first <= digits[: len(first)] <= last and len(digits) in lengths for first, last, lengths in ISSUERS)
    return known and luhn_check(digits[:-1]) == digits[-1]


def canonical(value: str) -> str:
    return value.replace(" ", "").replace("-", "")


def stand_in(draw: Draw, value: str) -> str:
    """As many digits, with a right check digit."""
    first = NOBODY + draw.digits(len(canonical(value)) - 3)
    return laid_out(first + luhn_check(first), value)


KIND = Kind(
    name="card",
    chinese="银行卡号",
    english="CARD",
    anchors={Anchor.NUMBER: (4, 6, *range(12, 20))},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
