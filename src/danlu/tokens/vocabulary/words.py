"""Text as a file of words, spelt so that a trainer that knows no pre-tokenizer but blanks finds the same words.

Each byte is written as one of 256 letters, U+0100 to U+01FF, in the order in which the tokenizers library numbers the
letters of byte-level vocabularies; so ties between equally frequent pairs are broken alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from danlu.models.gguf.pre_tokenizers import PreTokenizer, build
from danlu.tokens.byte_letters import BYTE_LETTERS
from danlu.tokens.vocabulary.cuts import is_closed_letter
from danlu.tokens.vocabulary.lookup import PieceLookup

FIRST_LETTER = 0x100
_RANKED = sorted(BYTE_LETTERS)
_SPELLING = {ord(letter): chr(FIRST_LETTER + rank) for rank, letter in enumerate(_RANKED)}
_READING = {FIRST_LETTER + rank: letter for rank, letter in enumerate(_RANKED)}

# As wide in UTF-8 as the letters, so that all text is an array of pairs of bytes.
WORD_END = "  "
TEXT_END = np.frombuffer(b" \n", np.uint16)[0]


def write_words(path: Path, batches: Iterable[list[str]], pre_tokenizer: PreTokenizer) -> None:
    """Write the words of all texts, two bytes for each byte of text and each end of a word."""
    splitter = build(pre_tokenizer)

    def translate(pieces: list[str]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.intp]]:
        spelt = [_spell(piece, splitter).encode() for piece in pieces]
        return np.frombuffer(b"".join(spelt), np.uint16), np.array([len(each) // 2 for each in spelt], np.intp)

    lookup = PieceLookup(translate)
    with path.open("wb") as file:
        for texts in batches:
            for values, text_ends in lookup(texts):
                file.write(np.insert(values, text_ends, TEXT_END).tobytes())


def read_word(spelt: str) -> str:
    """What was spelt, in the letters of byte-level vocabularies."""
    return spelt.translate(_READING)


def _spell(piece: str, splitter: object) -> str:
    words = [word for word, _ in splitter.pre_tokenize_str(piece)]  # type: ignore[attr-defined]
    # A piece that begins with a closed letter goes on with the word of the piece before.
    begins = "" if is_closed_letter(piece[0]) else WORD_END
    return begins + WORD_END.join(words).translate(_SPELLING)
