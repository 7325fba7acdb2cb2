"""Gopher's rules for quality (Rae et al. 2021, arXiv 2112.11446, appendix A.1): is this running text?

Words are counted as datatrove does: what is only marks is none for the number of words and their mean length, and is
one in the ratios.
"""

from __future__ import annotations

from danlu.corpus.rules.rule import Reading, Rule, Tagged, ratio, unit
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.settings import GopherQuality


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
