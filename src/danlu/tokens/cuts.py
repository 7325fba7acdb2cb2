"""Where text may be cut so that its parts can be tokenised each by itself, wherever else they stand.

The rules of `danlu.models.gguf.pre_tokenizers` end a word at certain neighbours whatever stands around them: a blank
behind something visible, and anything but a letter or mark behind a letter. Chinese, Japanese and Korean letters follow
each other in one long word, and most such words occur once; but where no token reaches over two neighbours, merging
never crosses them, and cutting between them changes nothing either.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

CLOSED_LETTERS = ((0x3041, 0x3096), (0x30A1, 0x30FA), (0x3400, 0x4DB5), (0x4E00, 0x9FEF), (0xAC00, 0xD7A3))
"""First and last code point of kana, Chinese characters and Hangul: letters in every version of Unicode since 11, three
bytes each in UTF-8, and part of no contraction."""

NUM_CODE_POINTS = 0x110000
NUM_CODE_POINTS_TOLD_APART = 0x10000
"""Beyond these nothing is cut."""

Key = TypeVar("Key")
Joint = tuple[bytes, bytes]
"""Two neighbours within a token: the last character's bytes before a place and the first one's behind it. Where the
token begins or ends within the character, these are only some of its bytes."""

# Classes of left neighbours. Nothing is cut behind the first.
_OPEN, _VISIBLE, _CLOSED_LEFT = 0, 1, 2
# Classes of right neighbours. A stop ends a word of letters: punctuation, symbols, blanks, numbers, control codes.
_OTHER, _BLANK, _STOP, _CLOSED_RIGHT = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Cuts:
    """Between which neighbours text may be cut, as a table over classes of characters."""

    rows: npt.NDArray[np.intp]
    """By code point: the class as a left neighbour, times the number of columns."""
    columns: npt.NDArray[np.intp]
    """By code point: the class as a right neighbour."""
    table: npt.NDArray[np.bool_]
    """By row plus column: whether there may be a cut."""

    def between(self, codes: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Whether text may be cut in front of each code point but the first; shape (len(codes) - 1,)."""
        places = self.rows.take(codes[:-1], mode="clip")
        places += self.columns.take(codes[1:], mode="clip")
        return self.table.take(places, mode="clip")


def word_cuts() -> Cuts:
    """Cuts for finding words. Each is the end of a word, but those between two closed letters, which never are."""
    table = np.zeros((3, 4), np.bool_)
    table[_VISIBLE:, _BLANK] = True
    table[_CLOSED_LEFT, [_STOP, _CLOSED_RIGHT]] = True
    rows, columns = _kinds()
    return Cuts(rows * 4, columns, table.ravel())


def token_cuts(tokens: Iterable[bytes], *, within_words: bool = True) -> Cuts:
    """Cuts for finding token ids: ends of words, and places before closed letters that no token reaches over.

    Args:
        tokens: Everything that merging can give.
        within_words: Whether a part of a word becomes what merging makes of it. Not so where whole words are taken
            as tokens whatever the merges say (``ignore_merges``); then only ends of words are cuts.
    """
    joints = {joint for token in tokens for joint in _joints(token)}
    lefts, rights = _left_classes(joints), _right_classes(joints)
    table = np.zeros((3 + len(lefts), 4 + len(rights)), np.bool_)
    table[_VISIBLE:, _BLANK] = True
    table[_VISIBLE:, _CLOSED_RIGHT:] = within_words
    table[[_CLOSED_LEFT, *(row for (_, closed), row in lefts.items() if closed)], _STOP] = True
    for left, right in joints:
        if _is_whole(left) and len(right) == 3:
            table[lefts[left, _is_closed(left)], rights[right]] = False
        else:  # all characters that end, or begin, with these bytes
            ending = [row for (each, _), row in lefts.items() if each.endswith(left)]
            beginning = [column for each, column in rights.items() if each.startswith(right)]
            table[np.ix_(ending, beginning)] = False
    rows, columns = (kinds.copy() for kinds in _kinds())
    for code in np.flatnonzero(rows).tolist():
        character = chr(code).encode()
        closed = bool(rows[code] == _CLOSED_LEFT)
        if closed:
            columns[code] = _first_found(rights, (character[:size] for size in (3, 2, 1)), _CLOSED_RIGHT)
        endings = ((character[begin:], closed) for begin in range(len(character)))
        rows[code] = _first_found(lefts, endings, int(rows[code]))
    return Cuts(rows * table.shape[1], columns, table.ravel())


def is_closed_letter(character: str) -> bool:
    """Whether a character belongs to `CLOSED_LETTERS`."""
    return any(first <= ord(character) <= last for first, last in CLOSED_LETTERS)


@cache
def _kinds() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The class of each code point as a left and as a right neighbour, tokens aside."""
    rows, columns = np.zeros(NUM_CODE_POINTS, np.intp), np.zeros(NUM_CODE_POINTS, np.intp)
    for code in range(NUM_CODE_POINTS_TOLD_APART):
        category = unicodedata.category(chr(code))
        if category != "Cs" and not chr(code).isspace():
            rows[code] = _VISIBLE
        if category[0] in "PSZN" or category == "Cc":
            columns[code] = _STOP
    columns[ord(" ")] = _BLANK
    for first, last in CLOSED_LETTERS:
        rows[first : last + 1], columns[first : last + 1] = _CLOSED_LEFT, _CLOSED_RIGHT
    return rows, columns


def _joints(token: bytes) -> Iterable[Joint]:
    """The places within a token that lie before what may be a closed letter."""
    for place in range(1, len(token)):
        if not 0xE3 <= token[place] <= 0xED:
            continue
        begin = place - 1
        while begin > 0 and token[begin] & 0xC0 == 0x80:
            begin -= 1
        yield token[begin:place], token[place : place + 3]


def _left_classes(joints: set[Joint]) -> dict[tuple[bytes, bool], int]:
    """A class for each ending that tokens have before a joint; with it, whether the character is a closed letter."""
    endings = sorted({left for left, _ in joints})
    keys = [
        (ending, closed)
        for ending in endings
        for closed in ([_is_closed(ending)] if _is_whole(ending) else [False, True])
    ]
    return {key: number for number, key in enumerate(keys, 3)}


def _right_classes(joints: set[Joint]) -> dict[bytes, int]:
    return {beginning: number for number, beginning in enumerate(sorted({right for _, right in joints}), 4)}


def _first_found(classes: dict[Key, int], keys: Iterable[Key], default: int) -> int:
    return next((classes[key] for key in keys if key in classes), default)


def _is_whole(character: bytes) -> bool:
    """Whether these are all bytes of a character, not only its last ones."""
    return character[0] & 0xC0 != 0x80


def _is_closed(character: bytes) -> bool:
    text = character.decode(errors="replace")
    return len(text) == 1 and is_closed_letter(text)
