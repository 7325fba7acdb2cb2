"""What the scan knows of single characters and of English words: tables, made once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from danlu.corpus.personal.folding import PLANE
from danlu.corpus.personal.kinds.address_english import ENDINGS
from danlu.corpus.personal.kinds.plate import REGIONS
from danlu.corpus.personal.kinds.secret import TOKEN_STARTS

DIGIT, UPPER, LOWER, UNDERSCORE = 1, 2, 4, 8
WORD = DIGIT | UPPER | LOWER | UNDERSCORE
SURNAME, COMPOUND = 16, 32
"""A surname of one character; the first of a surname of two."""
PLATE, COUNTED, NUMERAL, SIGN, HAN = 64, 128, 256, 512, 1024
"""Region on a plate; what houses are counted by; a Chinese numeral; one of ``@:=+(-``; any Chinese character."""

COUNTED_CHARACTERS = "号弄巷栋幢座单室楼层房组队院"
NUMERALS = "一二三四五六七八九十百零〇"
SIGNS = "@:=+(-"

GIVEN, FAMILY, TITLE, DOUBTFUL, BOX, NOT_FAMILY, STREET_END, LABEL_WORD = (1 << bit for bit in range(8))
"""What an English word may be: a given name, a family name, a title, a given name that is something else as often, the
beginning of an address without a street, no family name, the end of a street's name, or what stands before a name."""
LABEL_WORDS = (
    "name customer patient contact person client employee recipient applicant cardholder attn attention signed "
    "sender holder guest passenger student tenant buyer seller owner payee beneficiary author signature from to "
    "cc"
)
BOXES = "Box PSC Unit USNS USS USNV USCGC"
SLOTS = 1 << 14
"""Of the hash table of words, filled to a third at most."""


@dataclass(frozen=True)
class Tables:
    """What the scan looks up."""

    classes: npt.NDArray[np.uint16]
    """By code point."""
    compounds: npt.NDArray[np.uint32]
    """Surnames of two characters, shape (surnames, 2)."""
    word_hashes: npt.NDArray[np.uint32]
    """By slot: the hash of a word, or 0."""
    word_flags: npt.NDArray[np.uint8]
    """By slot."""
    token_starts: npt.NDArray[np.bool_]
    """Shape (128, 128): the first two characters of known keys."""
    weights: npt.NDArray[np.int8]
    """Of the model of Chinese names."""


@cache
def tables() -> Tables:
    """All tables."""
    classes = np.zeros(PLANE, np.uint16)
    classes[0x3400:0xA000] = HAN
    single, compound = surnames()
    flags = (
        ("0123456789", DIGIT),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER),
        ("abcdefghijklmnopqrstuvwxyz", LOWER),
        ("_", UNDERSCORE),
    )
    more = (
        (single, SURNAME),
        ((pair[0] for pair in compound), COMPOUND),
        (REGIONS, PLATE),
        (COUNTED_CHARACTERS, COUNTED),
    )
    for characters, flag in (*flags, *more, (NUMERALS, NUMERAL), (SIGNS, SIGN)):
        for character in set(characters):
            classes[ord(character)] |= flag
    hashes, word_flags = _hash_table(english_words())
    token_starts = np.zeros((128, 128), np.bool_)
    for start in TOKEN_STARTS.split():
        token_starts[ord(start[0]), ord(start[1])] = True
    return Tables(
        classes,
        np.array([[ord(c) for c in pair] for pair in compound], np.uint32),
        hashes,
        word_flags,
        token_starts,
        _weights(),
    )


@cache
def surnames() -> tuple[frozenset[str], tuple[str, ...]]:
    """Chinese surnames of one character, and of two."""
    words = read_words("chinese_surnames.txt")
    longer = [word for word in words if len(word) > 2]
    return frozenset("".join(longer)), tuple(sorted({word for word in words if len(word) == 2}))


@cache
def english_words() -> dict[str, int]:
    """Flags of English words, in lower case."""
    flags: dict[str, int] = {}
    lists: tuple[tuple[int, Iterable[str]], ...] = (
        (GIVEN, read_words("english_given.txt")),
        (FAMILY, read_words("english_family.txt")),
        (GIVEN | DOUBTFUL, read_words("english_doubtful.txt")),
        (TITLE, read_words("english_titles.txt")),
        (NOT_FAMILY, read_words("english_not_family.txt")),
        (BOX, BOXES.split()),
        (STREET_END, (*ENDINGS.split(), "Broadway")),
        (LABEL_WORD, LABEL_WORDS.split()),
    )
    for flag, words in lists:
        for word in words:
            flags[word.lower()] = flags.get(word.lower(), 0) | flag
    return flags


@cache
def read_words(name: str) -> tuple[str, ...]:
    """Words of a list that lies beside the code, parted by white space."""
    return tuple(files("danlu.corpus.personal.names").joinpath(name).read_text(encoding="utf-8").split())


def word_hash(word: str) -> int:
    """FNV-1a of 32 bits over the ASCII letters of a word in lower case; never 0."""
    value = 0x811C9DC5
    for character in word.lower():
        value = ((value ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    return value or 1


def _hash_table(words: dict[str, int]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Words that make the scan stop: open addressing, linear probing."""
    hashes, flags = np.zeros(SLOTS, np.uint32), np.zeros(SLOTS, np.uint8)
    for word, flag in words.items():
        if not flag & (GIVEN | TITLE | BOX | STREET_END | LABEL_WORD):
            continue
        value = word_hash(word)
        slot = value % SLOTS
        while hashes[slot] not in (0, value):
            slot = (slot + 1) % SLOTS
        hashes[slot] = value
        flags[slot] |= flag
    return hashes, flags


def _weights() -> npt.NDArray[np.int8]:
    path = files("danlu.corpus.personal.names").joinpath("chinese_weights.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        read: npt.NDArray[np.int8] = archive["weights"]
        return read
