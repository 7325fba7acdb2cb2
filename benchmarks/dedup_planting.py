"""Near duplicates on purpose: texts, and copies of them edited until they have a wanted similarity.

An edit is done in small steps, in an order drawn once; a copy has as many steps as leave it at least as similar to its
original as is wanted. So copies made for 0.8 have 0.8 or a little more, and those made for 0.78 mostly less than 0.8.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SLACK = 0.02
"""Copies that are more similar than wanted by more than this are not used: their steps are too coarse."""
SHINGLE = 5
Units = list[str]
Measure = Callable[[str], set[object]]


@dataclass(frozen=True)
class Planted:
    """A text and a copy."""

    original: str
    copy: str
    kind: str
    length: str
    wanted: float
    measure: str


def comparable(text: str) -> str:
    """What duplicates are compared by: NFKC, white space run together, lower case."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).lower()


def character_shingles(text: str) -> set[object]:
    """Of five characters, as Danlu compares them."""
    text = comparable(text)
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}


def word_shingles(text: str) -> set[object]:
    """Of five words, as datatrove compares them by itself (but for its tokenizer)."""
    words = comparable(text).split()
    return {tuple(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))}


def single_words(text: str) -> set[object]:
    """Words, or Chinese characters."""
    return set(re.findall(r"[a-z0-9]+|[^\W_]", comparable(text)))


MEASURES: dict[str, Measure] = {
    "character 5-grams": character_shingles,
    "word 5-grams": word_shingles,
    "words": single_words,
}


def jaccard(left: set[object], right: set[object]) -> float:
    return len(left & right) / len(left | right)


def units_of(text: str) -> Units:
    """Words with what stands behind them; of Chinese, two characters each."""
    return re.findall(r"[!-~\u00a0-\u2fff]+\s*|[^!-~\s]{1,2}\s*|\s+", text)


def changed_words(units: Units, steps: int, rng: random.Random, others: Units) -> Units:
    found = list(units)
    for place in rng.sample(range(len(units)), min(steps, len(units))):
        found[place] = rng.choice(others)
    return found


def cut(units: Units, steps: int, rng: random.Random, others: Units) -> Units:
    """One stretch of some units."""
    first = rng.random() * (len(units) - min(steps, len(units)))
    return [*units[: int(first)], *units[int(first) + steps :]]


def added(units: Units, steps: int, rng: random.Random, others: Units) -> Units:
    """One stretch of another text, somewhere."""
    first, source = rng.randrange(len(units)), rng.randrange(max(1, len(others) - steps))
    return [*units[:first], *others[source : source + steps], *units[first:]]


def swapped_stretches(units: Units, steps: int, rng: random.Random, others: Units) -> Units:
    """Two neighbouring stretches, as often as there are steps."""
    found = list(units)
    for _ in range(steps):
        first, middle, last = sorted(rng.randrange(len(units) + 1) for _ in range(3))
        found[first:last] = [*found[middle:last], *found[first:middle]]
    return found


def a_bit_of_each(units: Units, steps: int, rng: random.Random, others: Units) -> Units:
    for number, edit in enumerate((changed_words, cut, swapped_stretches, added)):
        units = edit(units, (steps + number) // 4, rng, others) or units
    return units


EDITS: dict[str, Callable[[Units, int, random.Random, Units], Units]] = {
    "changed words": changed_words,
    "cut": cut,
    "added": added,
    "swapped stretches": swapped_stretches,
    "a bit of each": a_bit_of_each,
}


def plant(text: str, others: str, kind: str, length: str, wanted: float, measure: str, seed: int) -> Planted | None:
    """A copy with a similarity between `wanted` and a little more; None if there is none.

    Args:
        text: The original.
        others: Another text, of which words are taken.
        kind: One of `EDITS`.
        length: What texts of this size are called.
        wanted: Jaccard similarity.
        measure: Of what, one of `MEASURES`.
        seed: Of what is drawn; the same for every number of steps.
    """
    units, other_units, of = units_of(text), units_of(others), MEASURES[measure]
    original = of(text)

    def copy_of(steps: int) -> str:
        return "".join(EDITS[kind](units, steps, random.Random(seed), other_units))

    low, high = 0, len(units)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if jaccard(original, of(copy_of(middle))) >= wanted else (low, middle)
    copy = copy_of(low)
    if not 0 <= jaccard(original, of(copy)) - wanted <= SLACK:
        return None
    return Planted(text, copy, kind, length, wanted, measure)


def stretches(text: str, characters: int, start: int = 0) -> Iterator[tuple[str, int]]:
    """A text cut at white space or behind a full stop into pieces of about so many characters, from a place on; each
    with the place behind it."""
    boundary = re.compile(r"[\s。！？]")
    while start + characters <= len(text):
        found = boundary.search(text, start + characters)
        end = found.end() if found and found.end() < start + 1.5 * characters else start + characters
        yield text[start:end].strip(), end
        start = end


def similar_pairs(texts: Sequence[str], threshold: float) -> dict[tuple[int, int], float]:
    """Of all pairs, those with a Jaccard similarity of their character 5-grams of at least the threshold, by brute
    force: strings are numbered, none is hashed away."""
    from scipy.sparse import csr_array

    numbers: dict[object, int] = {}
    sets = [[numbers.setdefault(each, len(numbers)) for each in character_shingles(text)] for text in texts]
    sizes = np.array([len(each) for each in sets])
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    columns: npt.NDArray[np.int64] = np.fromiter((each for found in sets for each in found), np.int64, starts[-1])
    matrix = csr_array((np.ones(len(columns), np.int32), columns, starts), shape=(len(texts), len(numbers)))
    shared = (matrix @ matrix.T).tocoo()
    values = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    is_pair = (shared.row < shared.col) & (values >= threshold)
    rows, others = shared.row[is_pair].tolist(), shared.col[is_pair].tolist()
    return dict(zip(zip(rows, others, strict=True), values[is_pair].tolist(), strict=True))


def to_leave_out(number: int, pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Of so many texts, those similar to one before them that stays."""
    earlier: dict[int, list[int]] = {}
    for one, other in pairs:
        earlier.setdefault(other, []).append(one)
    gone: set[int] = set()
    for row in range(number):
        if any(one not in gone for one in earlier.get(row, ())):
            gone.add(row)
    return gone
