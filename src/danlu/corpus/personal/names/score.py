"""Chinese names: how likely a surname and the characters behind it are a name, in this place.

A linear model over what is there (surname, characters of the given name, and pairs of them) and what stands around it
(two characters on either side). Each feature is hashed to one of 2^18 weights. `benchmarks/personal/train_names.py`
makes the weights; the same functions read the features there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.corpus.compiling import kernel

Weights = npt.NDArray[np.int8]

NUM_WEIGHTS = 1 << 18
NUM_FEATURES = 12
FIRST_HAN, LAST_HAN = 0x3400, 0x9FFF
DIGIT, LETTER, BRACKET, BLANK, EDGE = 1, 2, 3, 4, 5
"""What stands for all characters of a class. Placeholders are written in brackets; texts end at edges."""
SINGLE, COMPOUND = 1, 2
"""Flags of the table of surnames: a surname of one character, or the first of one that has two."""


@kernel
def character_class(code: int) -> int:
    """The character itself, or what stands for its class."""
    if FIRST_HAN <= code <= LAST_HAN:
        return code
    if 48 <= code <= 57:
        return DIGIT
    if 65 <= code <= 90 or 97 <= code <= 122:
        return LETTER
    if code == 60 or code == 62 or code == 91 or code == 93:
        return BRACKET
    if code == 0:
        return EDGE
    return BLANK if code <= 32 else code


@kernel
def character_at(codes: npt.NDArray[np.uint32], place: int) -> int:
    """The class of a character."""
    return character_class(int(codes[place])) if 0 <= place < len(codes) else EDGE  # type: ignore[arg-type]


@kernel
def hashed(kind: int, first: int, second: int, length: int) -> int:
    """One of NUM_WEIGHTS for a feature: its kind, one or two characters, and the length of the name."""
    mixed = (kind * 8 + length) * 0x9E3779B1 + first * 0x85EBCA6B + second * 0xC2B2AE35
    mixed &= 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 0x2C1B3C6D) & 0xFFFFFFFF
    mixed ^= mixed >> 12
    mixed = (mixed * 0x297A2D39) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return mixed & (NUM_WEIGHTS - 1)


@kernel
def read_features(
    codes: npt.NDArray[np.uint32], start: int, surname: int, given: int, features: npt.NDArray[np.int64]
) -> None:
    """Write the features of the candidate at `start` into `features`, shape (NUM_FEATURES,).

    Args:
        surname: Characters of the surname, 1 or 2.
        given: Characters of the given name, 1 or 2.
    """
    family = character_at(codes, start)
    if surname == 2:
        family = family * 31 + character_at(codes, start + 1)
    first = character_at(codes, start + surname)
    last = character_at(codes, start + surname + given - 1)
    second = last if given == 2 else 0
    before, before_that = character_at(codes, start - 1), character_at(codes, start - 2)
    behind = character_at(codes, start + surname + given)
    behind_that = character_at(codes, start + surname + given + 1)
    # What stands in brackets may be a placeholder, and what is beyond an edge another text: neither must matter.
    before_that = before if before in (BRACKET, EDGE) else before_that
    behind_that = behind if behind in (BRACKET, EDGE) else behind_that
    features[0] = hashed(0, surname, 0, given)
    features[1] = hashed(1, family, 0, given)
    features[2] = hashed(2, family, first, 0)
    features[3] = hashed(3, first, 0, given)
    features[4] = hashed(4, first, second, given)
    features[5] = hashed(5, second, 0, given)
    features[6] = hashed(6, before, 0, 0)
    features[7] = hashed(7, before_that, before, 0)
    features[8] = hashed(8, behind, 0, given)
    features[9] = hashed(9, behind, behind_that, given)
    features[10] = hashed(10, last, behind, given)
    features[11] = hashed(11, before, family, 0)


@kernel
def score(
    codes: npt.NDArray[np.uint32],
    start: int,
    surname: int,
    given: int,
    weights: Weights,
    features: npt.NDArray[np.int64],
) -> int:
    """Logarithm of the odds that the candidate is a name, in steps of the weights."""
    read_features(codes, start, surname, given, features)
    total = 0
    for index in range(NUM_FEATURES):
        total += int(weights[features[index]])
    return total


@kernel
def best_name(
    codes: npt.NDArray[np.uint32],
    start: int,
    surnames: int,
    weights: Weights,
    features: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """The likeliest name that begins at `start`: its length in characters, and its score.

    Args:
        surnames: SINGLE, COMPOUND or both: which surnames there are at `start`.
    """
    length, highest = 0, -(1 << 30)
    for surname in range(1, 3):
        if not surnames & surname:
            continue
        for given in range(1, 3):
            end = start + surname + given
            if end > len(codes) or not is_han(codes, start + surname, end):
                continue
            value = score(codes, start, surname, given, weights, features)
            if value > highest:
                length, highest = surname + given, value
    return length, highest


@kernel
def is_han(codes: npt.NDArray[np.uint32], start: int, end: int) -> bool:
    """Whether all characters from `start` to before `end` are Chinese."""
    for place in range(start, end):  # noqa: SIM110 - compiled
        if codes[place] < FIRST_HAN or codes[place] > LAST_HAN:
            return False
    return True
