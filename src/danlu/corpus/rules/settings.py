"""Thresholds of the rules, which a recipe may set. Nothing heavy is imported, since every recipe is checked by them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from danlu.artifacts.manifest import Strict

Size = Annotated[int, Field(ge=1)]
Phrase = Annotated[str, Field(min_length=1)]


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


class GopherRepetition(Strict):
    """Thresholds of Gopher's rules against repetition, from 0 to 1; the paper's by default. null: no threshold."""

    max_repeated_paragraphs: float | None = Field(default=0.3, ge=0, le=1)
    """Share of paragraphs (between empty lines) that were there before."""
    max_repeated_paragraph_characters: float | None = Field(default=0.2, ge=0, le=1)
    """Share of characters in such paragraphs."""
    max_repeated_lines: float | None = Field(default=0.3, ge=0, le=1)
    """Share of lines that were there before."""
    max_repeated_line_characters: float | None = Field(default=0.2, ge=0, le=1)
    """Share of characters in such lines."""
    max_top_n_grams: dict[Size, float] = Field(default={2: 0.2, 3: 0.18, 4: 0.16})
    """For n words in a row, the share of characters in all places of the one that occurs most often. Another n means
    reading the text again."""
    max_repeated_n_grams: dict[Size, float] = Field(default={5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1})
    """For n words in a row, the share of characters in such as were there before. Likewise."""


class C4(Strict):
    """C4's rules; the paper's and datatrove's defaults."""

    min_sentences: int | None = Field(default=5, ge=0)
    """Documents: sentences that are left. null: no threshold."""
    lorem_ipsum: bool = True
    """Documents: drop those with a line that has "lorem ipsum" in it, and is not taken out for another reason."""
    curly_bracket: bool = True
    """Documents: drop those with a line that has { in it, likewise."""
    closing_mark: bool = True
    """Lines: take out those that do not end with a closing mark, or end with three full stops."""
    min_words_in_line: int = Field(default=3, ge=0)
    """Lines: take out those with fewer words, as blanks part them."""
    max_word_length: int | None = Field(default=1000, ge=1)
    """Lines: take out those with a longer word, in characters. null: no limit."""
    javascript: bool = True
    """Lines: take out those with "javascript" in them, as in "please enable Javascript"."""
    policy: bool = True
    """Lines: take out those with one of `policy_phrases` in them."""
    policy_phrases: tuple[Phrase, ...] = Field(
        default=(
            "terms of use",
            "privacy policy",
            "cookie policy",
            "uses cookies",
            "use of cookies",
            "use cookies",
        ),
        max_length=60,
    )
    """In small letters; capitals are taken for them."""
    references: bool = True
    """Lines: take out references in brackets: [12], [edit], [citation needed]."""


class FineWebQuality(Strict):
    """Thresholds of FineWeb's rules; datatrove's by default. null: no threshold."""

    min_stopped_lines: float | None = Field(default=0.12, ge=0, le=1)
    """Share of lines whose last character ends a sentence."""
    max_short_lines: float | None = Field(default=0.67, ge=0, le=1)
    """Share of lines of at most `short_line` characters."""
    short_line: int = Field(default=30, ge=0)
    """Characters. Another length means reading the text again."""
    max_repeated_line_characters: float | None = Field(default=0.01, ge=0, le=1)
    """Share of characters in lines that were there before; line feeds do not count."""
    max_line_feeds: float | None = Field(default=0.3, ge=0)
    """Line feeds for each word, marks included."""
