"""Gopher's rules for quality (Rae et al. 2021, arXiv 2112.11446, appendix A.1): is this running text?

Words are counted as datatrove does: what is only marks is none for the number of words and their mean length, and is
one in the ratios.
"""

from __future__ import annotations

from pydantic import Field

from danlu.artifacts.manifest import Strict
from danlu.corpus.rules.rule import Reading, Rule, Tagged, ratio, unit
from danlu.corpus.rules.script import Script


class GopherQuality(Strict):
    """Thresholds of Gopher's rules for quality; those of the paper by default. null: no threshold."""

    min_words: int | None = Field(default=50, ge=0)
    """Words that are not only marks."""
    max_words: int | None = Field(default=100_000, ge=0)
    """Likewise."""
    min_mean_word_length: float | None = Field(default=3, ge=0)
    """Characters of these words."""
    max_mean_word_length: float | None = Field(default=10, ge=0)
    """Likewise."""
    min_mean_clause_length: float | None = Field(default=None, ge=0)
    """Characters between two marks or blanks. Not in the paper: where words have no length, clauses do."""
    max_mean_clause_length: float | None = Field(default=None, ge=0)
    """Likewise."""
    max_number_signs: float | None = Field(default=0.1, ge=0)
    """Number signs (#) for each word, marks included."""
    max_ellipses: float | None = Field(default=0.1, ge=0)
    """... and … for each word, marks included."""
    max_bullet_lines: float | None = Field(default=0.9, ge=0, le=1)
    """Share of lines that begin with a bullet."""
    max_ellipsis_lines: float | None = Field(default=0.3, ge=0, le=1)
    """Share of lines that end with an ellipsis."""
    min_alphabetic_words: float | None = Field(default=0.8, ge=0, le=1)
    """Share of words, marks included, with a letter in them."""
    min_stop_words: int | None = Field(default=2, ge=0)
    """Different words of `stop_words`."""
    stop_words: tuple[str, ...] = Field(
        default=("the", "be", "to", "of", "and", "that", "have", "with"), min_length=1, max_length=63
    )
    """Words without which there is hardly a sentence, as written. Another list means reading the text again."""


def tag(reading: Reading, settings: GopherQuality) -> Tagged:
    """Everything the rules ask for."""
    from danlu.corpus.rules.kernels.counting import count_clauses, count_symbols_and_lines, count_words
    from danlu.corpus.rules.kernels.hashing import look_up_of

    batch, words, table = reading.batch, reading.words, reading.table
    stop_words = look_up_of(sorted(set(settings.stop_words)))
    num_words, characters, with_letter, num_stop_words = count_words(
        batch.codes, table, words.starts, words.ends, words.hashes, words.text_starts, stop_words
    ).T
    number_signs, ellipses, lines, bullets, unfinished = count_symbols_and_lines(batch.codes, batch.starts, table).T
    clauses, clause_characters = count_clauses(batch.codes, batch.starts, table).T
    return Tagged(
        {
            "num_words": num_words.astype(float),
            "mean_word_length": ratio(characters, num_words),
            "mean_clause_length": ratio(clause_characters, clauses),
            "number_signs_per_word": ratio(number_signs, words.counts),
            "ellipses_per_word": ratio(ellipses, words.counts),
            "bullet_lines": ratio(bullets, lines),
            "ellipsis_lines": ratio(unfinished, lines),
            "alphabetic_words": ratio(with_letter, words.counts),
            "num_stop_words": num_stop_words.astype(float),
        }
    )


def rules(settings: GopherQuality, script: Script) -> list[Rule]:
    """In datatrove's order."""
    s, words = settings, unit(script)
    return [
        Rule("num_words", f"fewer than {s.min_words} {words}", at_least=s.min_words),
        Rule("num_words", f"more than {s.max_words} {words}", at_most=s.max_words),
        Rule("mean_word_length", f"words under {s.min_mean_word_length} letters", at_least=s.min_mean_word_length),
        Rule("mean_word_length", f"words over {s.max_mean_word_length} letters", at_most=s.max_mean_word_length),
        Rule(
            "mean_clause_length",
            f"fewer than {s.min_mean_clause_length} characters between marks",
            at_least=s.min_mean_clause_length,
        ),
        Rule(
            "mean_clause_length",
            f"more than {s.max_mean_clause_length} characters between marks",
            at_most=s.max_mean_clause_length,
        ),
        Rule("number_signs_per_word", "too many number signs", at_most=s.max_number_signs),
        Rule("ellipses_per_word", "too many ellipses", at_most=s.max_ellipses),
        Rule("bullet_lines", "nearly all lines are items of a list", at_most=s.max_bullet_lines),
        Rule("ellipsis_lines", "too many lines end with an ellipsis", at_most=s.max_ellipsis_lines),
        Rule("alphabetic_words", f"too few {words} have a letter", at_least=s.min_alphabetic_words),
        Rule("num_stop_words", f"fewer than {s.min_stop_words} different stop words", at_least=s.min_stop_words),
    ]
