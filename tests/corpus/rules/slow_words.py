"""Words cut the slow way: one chunk at a time with regular expressions, as the rules are told in words."""

from __future__ import annotations

import re

import numpy as np

from danlu.corpus.characters import OTHER_SYMBOL, Table, character_table
from danlu.corpus.rules.marks import (
    ALONE_BEHIND,
    ALONE_IN_FRONT,
    ALPHABETIC,
    CAPITAL,
    CURRENCIES,
    MARKS,
    QUOTES,
    SMALL,
    spaced_table,
)
from danlu.corpus.rules.special_words import special_words
from danlu.corpus.rules.words import UNITS


def one_of(characters: str) -> str:
    return "".join(re.escape(character) for character in characters)


def with_bit(bit: int, table: Table | None = None) -> str:
    """As ranges for a class of a regular expression."""
    bits = spaced_table() if table is None else table
    inside = np.flatnonzero(bits & bit)
    pieces = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
    return "".join(f"\\U{piece[0]:08x}-\\U{piece[-1]:08x}" for piece in pieces)


ICONS = with_bit(OTHER_SYMBOL, character_table())
A, U, L = with_bit(ALPHABETIC), with_bit(CAPITAL), with_bit(SMALL)
Q, P = one_of(QUOTES), one_of(MARKS)
MONEY = "|".join([re.escape(sign) for sign in CURRENCIES] + [r"US\$", r"C\$", r"A\$"])
MEASURES = "|".join(re.escape(unit) for unit in UNITS.split())

PREFIX = re.compile(rf"\.\.+|{MONEY}|\+(?![0-9])|[{P}{Q}{ICONS}{one_of(ALONE_IN_FRONT)}]")
SUFFIX = re.compile(
    rf"(?:……|\.\.+|'s|'S|’s|’S|(?<=[0-9])(?:\+|{MONEY}|{MEASURES})|[{P}{Q}{ICONS}{one_of(ALONE_BEHIND)}]"
    rf"|(?<=°[FfCcKk])\.|(?<=[0-9{L}%²\-+|{Q}{P}])\.|(?<=[{U}][{U}])\.)\Z"
)
INFIX = re.compile(
    rf"\.\.+|[…{ICONS}]|(?<=[0-9])[-+*^](?=[0-9-])|(?<=[{L}{Q}])\.(?=[{U}{Q}])|(?<=[{A}]),(?=[{A}])"
    rf"|(?<=[{A}0-9])(?:-|–|—|--|---|——|~)(?=[{A}])|(?<=[{A}0-9])[:<>=/](?=[{A}])"
)
HOST = r"[A-Za-z0-9\u00a1-\uffff]"
NUMBER = r"(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]|0[0-9])"
SPECIAL = special_words()


def slow_words(text: str) -> list[str]:
    return [word for chunk in text.split() for word in join(cut(chunk, SPECIAL), SPECIAL)]


def cut(chunk: str, special: dict[str, tuple[str, ...]]) -> list[str]:
    front: list[str] = []
    behind: list[str] = []
    while chunk and chunk not in special:
        prefix, suffix = found(PREFIX.match(chunk)), ""
        if chunk[len(prefix) :] in special and prefix:
            front.append(prefix)
            chunk = chunk[len(prefix) :]
            break
        suffix = found(SUFFIX.search(chunk[len(prefix) :]))
        if suffix and chunk[: -len(suffix)] in special:
            behind.append(suffix)
            chunk = chunk[: -len(suffix)]
            break
        if not prefix and not suffix:
            break
        front += [prefix] if prefix else []
        behind += [suffix] if suffix else []
        chunk = chunk[len(prefix) : len(chunk) - len(suffix)]
    return [*front, *middle(chunk, special), *reversed(behind)]


def middle(chunk: str, special: dict[str, tuple[str, ...]]) -> list[str]:
    if chunk in special:
        return list(special[chunk])
    if is_address(chunk):
        return [chunk]
    pieces, start = [], 0
    for match in INFIX.finditer(chunk):
        if match.start() > 0:
            pieces += [chunk[start : match.start()], match[0]]
            start = match.end()
    return [piece for piece in [*pieces, chunk[start:]] if piece]


def is_address(chunk: str) -> bool:
    """Tried at every place where a host may begin, since an @ may stand in a path, too."""
    starts = {0, *(place + 1 for place, character in enumerate(chunk) if character == "@" and place > 0)}
    scheme = re.match(r"[\w+.-]{2,}://", chunk)
    if scheme:
        starts.add(scheme.end())
    return any(fits(chunk[start:]) for start in starts)


def fits(rest: str) -> bool:
    match = re.match(
        rf"(?:(?P<ip>{NUMBER}(?:\.{NUMBER}){{3}})|(?:(?:{HOST}(?:{HOST}|[_-]){{0,62}})?{HOST}\.)+[{L}]{{2,63}})"
        rf"(?::[0-9]{{2,5}})?(?:[/?#].*)?\Z",
        rest,
    )
    if not match or not match["ip"]:
        return match is not None
    numbers = match["ip"].split(".")
    first, second, _, last = map(int, numbers)
    private = first in (0, 10, 127) or first > 223 or last in (0, 255)
    private |= (first, second) in ((169, 254), (192, 168)) or (first == 172 and 16 <= second <= 31)
    return not private and numbers[0][0] != "0" and numbers[3][0] != "0"


def join(pieces: list[str], special: dict[str, tuple[str, ...]]) -> list[str]:
    """The longest special word at each place, if its own cut is these pieces."""
    joined, place = [], 0
    while place < len(pieces):
        for end in range(min(len(pieces), place + 12), place + 1, -1):
            word = "".join(pieces[place:end])
            if word in special and cut(word, {}) == pieces[place:end]:
                joined += special[word]
                place = end
                break
        else:
            joined.append(pieces[place])
            place += 1
    return joined


def found(match: re.Match[str] | None) -> str:
    return match[0] if match else ""
