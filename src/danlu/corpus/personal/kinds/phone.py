"""Telephone numbers of other countries: with a country code, in the North American form, or said to be one."""

from __future__ import annotations

import re

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before, counts_things, within_number
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import Kind, Span

_CODES = (
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 "
    "82 84 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 "
    "235 236 237 238 239 240 241 242 243 244 245 246 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 "
    "264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 "
    "376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 "
    "592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 "
    "691 692 850 852 853 855 856 880 886 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 992 "
    "993 994 995 996 998"
)
COUNTRY_CODES = frozenset(_CODES.split())
"""Country calling codes of ITU-T E.164, but 86: numbers of mainland China are kinds of their own."""
NO_COUNTRY = "999"
SHORTEST, LONGEST = 8, 15
"""Digits, country code among them."""

EXTENSION = r"(?: ?(?:x|ext\.? ?)\d{1,6})?"
WITH_COUNTRY = re.compile(
    rf"(?:\+|00)(?=[1-9])\d{{1,15}}(?:[ .-]?\(\d{{1,5}}\)|[ .-]\d{{1,9}}){{0,6}}{EXTENSION}(?!\w)", re.ASCII
)
AREA = r"(?!99)[2-9]\d{2}"
"""North American; stand-ins begin with 99."""
NORTH_AMERICAN = re.compile(
    rf"(?:(?:001|1)[-. ])?(?:\({AREA}\)[ -]?|{AREA}([-. ]))[2-9]\d{{2}}[-. ]\d{{4}}{EXTENSION}(?!\w)",
    re.ASCII,
)
SAID_ONLY = re.compile(rf"(?:0\d{{1,4}}[ -]\d{{3,4}}[ -]?\d{{3,4}}|{AREA}\d{{7}}){EXTENSION}(?!\w)", re.ASCII)
SAID = any_of(("电话", "手机", "致电", "tel", "phone", "fax", "call", "cell", "mobile", "whatsapp"))


def find(text: str, position: int, size: int) -> Span | None:
    match = WITH_COUNTRY.match(text, position)
    while match and not _has_country(match.group()):
        # The last group may be the next number.
        shorter = max(text.rfind(mark, position, match.end()) for mark in " .-")
        match = WITH_COUNTRY.match(text, position, shorter) if shorter > position else None
    match = match or NORTH_AMERICAN.match(text, position)
    if match is None:
        match = SAID_ONLY.match(text, position)
        match = match if match and SAID.search(before(text, position)) else None
    if match is None or within_number(text, position, match.end()) or counts_things(text, position):
        return None
    return match.span()


def canonical(value: str) -> str:
    digits = "".join(filter(str.isdigit, value))
    return digits.removeprefix("00")


def stand_in(draw: Draw, value: str) -> str:
    """With a country code, or an area, that nobody has."""
    digits = "".join(filter(str.isdigit, value))
    kept = "00" if digits.startswith("00") else ""
    made = kept + (NO_COUNTRY + draw.digits(len(digits)))[: len(digits) - len(kept)]
    following = iter(made)
    return "".join(next(following) if character.isdigit() else character for character in value)


def _has_country(value: str) -> bool:
    digits = canonical(value.partition("x")[0].partition("e")[0])
    if not SHORTEST <= len(digits) <= LONGEST:
        return False
    code = next((digits[:length] for length in (1, 2, 3) if digits[:length] in COUNTRY_CODES), None)
    return code is not None and (code != "1" or (len(digits) == 11 and digits[1] in "23456789"))


KIND = Kind(
    name="phone",
    chinese="电话号码",
    english="PHONE",
    anchors={Anchor.NUMBER: (1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15), Anchor.OPENING: (1, 2)},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
