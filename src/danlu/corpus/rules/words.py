"""The words of a batch of texts, and the tables by which they are cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from danlu.corpus.rules.marks import CURRENCIES, chinese_table, spaced_table
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.special_words import special_words
from danlu.corpus.text_batch import TextBatch

if TYPE_CHECKING:
    from danlu.corpus.rules.kernels.cutting import Cutter
    from danlu.corpus.rules.kernels.hashing import LookUp

UNITS = """
km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb
MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб
КБ кб Мб МБ мб Гб ГБ гб Тб ТБ US$ C$ A$
"""


@dataclass(frozen=True)
class Words:
    """Words end to end over all texts, as places in the batch's codes."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    text_starts: npt.NDArray[np.int64]
    """Shape (texts + 1,): the first word of each text."""

    @classmethod
    def of(cls, batch: TextBatch, script: Script) -> Words:
        """Cut texts that are all of one script."""
        from danlu.corpus.rules.kernels.cutting import cut_characters, cut_words

        cut = cut_words if script is Script.SPACED else cut_characters
        return cls(*cut(batch.codes, batch.starts, cutter_for(script)))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Words of each text, marks included."""
        return np.diff(self.text_starts)

    def of_texts(self, batch: TextBatch) -> list[list[str]]:
        """Each text's words as strings; slow."""
        joined = TextBatch(batch.codes, np.array([0, len(batch.codes)])).texts()[0]
        pieces = [joined[first:last] for first, last in zip(self.starts, self.ends, strict=True)]
        bounds = self.text_starts.tolist()
        return [pieces[first:last] for first, last in itertools.pairwise(bounds)]


@lru_cache(maxsize=2)
def cutter_for(script: Script) -> Cutter:
    """What the kernels need to know."""
    if script is Script.CHINESE:
        return _cutter(chinese_table(), {}, {})
    special = special_words()
    known = _cutter(spaced_table(), {}, {})
    return _cutter(spaced_table(), special, _found_again(special, known))


def _cutter(
    table: npt.NDArray[np.uint32], special: dict[str, tuple[str, ...]], plain: dict[str, tuple[str, ...]]
) -> Cutter:
    from danlu.corpus.rules.kernels.cutting import JOINS, LONGEST_SPECIAL, LONGEST_UNIT, NUM_FIRSTS, Cutter

    units = [*UNITS.split(), *CURRENCIES]
    assert max(map(len, special), default=0) <= LONGEST_SPECIAL
    assert max(map(len, units)) <= LONGEST_UNIT
    pairs = np.zeros((NUM_FIRSTS, NUM_FIRSTS), np.uint32)
    for word in special:
        pairs[ord(word[0]) % NUM_FIRSTS, ord(word[-1]) % NUM_FIRSTS] |= np.uint32(1 << len(word))
    for first, second, *_ in plain.values():
        pairs[ord(first[0]) % NUM_FIRSTS, ord(second[0]) % NUM_FIRSTS] |= JOINS
    return Cutter(
        bits=table,
        special=_look_up(list(special)),
        pieces=_lengths(list(special.values())),
        plain=_lengths([plain.get(word, ()) for word in special]),
        pairs=pairs,
        units=_look_up(units),
    )


def _lengths(all_pieces: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    """Of the pieces of each word, filled up with zeros."""
    lengths = np.zeros((len(all_pieces), max(map(len, all_pieces), default=0)), np.int64)
    for row, pieces in enumerate(all_pieces):
        lengths[row, : len(pieces)] = [len(piece) for piece in pieces]
    return lengths


def _found_again(special: dict[str, tuple[str, ...]], cutter: Cutter) -> dict[str, tuple[str, ...]]:
    """How special words are cut by a cutter that knows none, where that is more than one piece. Those that come out the
    same are there too: no shorter special word is looked for within them."""
    from danlu.corpus.rules.kernels.cutting import cut_words

    batch = TextBatch.of(list(special))
    cuts = Words(*cut_words(batch.codes, batch.starts, cutter)).of_texts(batch)
    plain = {word: tuple(cut) for word, cut in zip(special, cuts, strict=True)}
    return {word: cut for word, cut in plain.items() if len(cut) > 1}


def _look_up(texts: list[str]) -> LookUp:
    from danlu.corpus.rules.kernels.hashing import look_up_of

    return look_up_of(texts)
