"""Gopher's rules against repetition (Rae et al. 2021, arXiv 2112.11446, table A1): how much was said before?

All shares are of the characters of the whole text. An n-gram that was there before is stepped over, so that no
character counts twice, as datatrove does it.
"""

from __future__ import annotations

import numpy as np

from danlu.corpus.rules.rule import Reading, Rule, Tagged, ratio, unit
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.settings import GopherRepetition


def tag(reading: Reading, settings: GopherRepetition) -> Tagged:
    """Everything the rules ask for."""
    from danlu.corpus.rules.kernels.n_grams import count_repeated_n_grams
    from danlu.corpus.rules.kernels.repeating import count_repeated_pieces

    batch, words = reading.batch, reading.words
    counts = count_repeated_pieces(batch.codes, batch.starts, reading.table).T
    paragraphs, repeated_paragraphs, paragraph_characters, lines, repeated_lines, line_characters = counts
    sizes = sorted({*settings.max_top_n_grams, *settings.max_repeated_n_grams})
    top, repeated = count_repeated_n_grams(
        words.starts,
        words.ends,
        words.hashes,
        words.text_starts,
        np.array(sizes, np.int64),
        0 if reading.script is Script.CHINESE else 1,
    )
    return Tagged(
        {
            "repeated_paragraphs": ratio(repeated_paragraphs, paragraphs),
            "repeated_paragraph_characters": ratio(paragraph_characters, batch.lengths),
            "repeated_lines": ratio(repeated_lines, lines),
            "repeated_line_characters": ratio(line_characters, batch.lengths),
            **{_top(n): ratio(top[:, sizes.index(n)], batch.lengths) for n in settings.max_top_n_grams},
            **{_repeated(n): ratio(repeated[:, sizes.index(n)], batch.lengths) for n in settings.max_repeated_n_grams},
        }
    )


def rules(settings: GopherRepetition, script: Script) -> list[Rule]:
    """In datatrove's order."""
    s, words = settings, unit(script)
    return [
        Rule("repeated_paragraphs", "paragraphs that repeat", at_most=s.max_repeated_paragraphs),
        Rule(
            "repeated_paragraph_characters",
            "too much text in paragraphs that repeat",
            at_most=s.max_repeated_paragraph_characters,
        ),
        Rule("repeated_lines", "lines that repeat", at_most=s.max_repeated_lines),
        Rule("repeated_line_characters", "too much text in lines that repeat", at_most=s.max_repeated_line_characters),
        *(
            Rule(_top(n), f"the most frequent {n} {words} make up too much of it", at_most=share)
            for n, share in s.max_top_n_grams.items()
        ),
        *(
            Rule(_repeated(n), f"too much text in {n} {words} that repeat", at_most=share)
            for n, share in s.max_repeated_n_grams.items()
        ),
    ]


def _top(n: int) -> str:
    return f"top_{n}_gram"


def _repeated(n: int) -> str:
    return f"repeated_{n}_grams"
