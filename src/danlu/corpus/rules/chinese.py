"""Chinese counterparts: the same rules over characters, with thresholds of their own.

Between words of Chinese there are no blanks. So each character is a word, as is each run of Latin letters or digits and
each mark, and what the papers count in words is counted in characters, CHARACTERS_PER_CHINESE_WORD (1.6) times as many.
"""

from __future__ import annotations

from pydantic import Field

from danlu.corpus.rules.c4 import C4, Phrase
from danlu.corpus.rules.fineweb_quality import FineWebQuality
from danlu.corpus.rules.gopher_quality import GopherQuality
from danlu.corpus.rules.gopher_repetition import GopherRepetition


class ChineseGopherQuality(GopherQuality):
    """As for other texts, but for what is said here."""

    min_words: int | None = Field(default=80, ge=0)
    """Characters that are not marks: 50 words."""
    max_words: int | None = Field(default=160_000, ge=0)
    """100,000 words."""
    min_mean_word_length: float | None = Field(default=None, ge=0)
    """Characters have no length."""
    max_mean_word_length: float | None = Field(default=None, ge=0)
    """Likewise."""
    min_mean_clause_length: float | None = Field(default=3, ge=0)
    """Characters between two marks or blanks."""
    max_mean_clause_length: float | None = Field(default=30, ge=0)
    """Likewise."""
    max_number_signs: float | None = Field(default=0.06, ge=0)
    """0.1 for a word."""
    max_ellipses: float | None = Field(default=0.06, ge=0)
    """Likewise; …… are two."""
    min_alphabetic_words: float | None = Field(default=0.7, ge=0, le=1)
    """Marks stand after every seven characters or so, and each is a word by itself."""
    stop_words: tuple[str, ...] = Field(
        default=("的", "了", "是", "在", "不", "有", "和", "这", "這", "也", "之", "而", "其"),
        min_length=1,
        max_length=63,
    )
    """Of today's and of classical Chinese, in both scripts."""


class ChineseGopherRepetition(GopherRepetition):
    """The n of n-grams are 1.6 times as large."""

    max_top_n_grams: dict[int, float] = Field(default={3: 0.2, 5: 0.18, 6: 0.16})
    """For n characters in a row, the share of characters in all places of those that occur most often."""
    max_repeated_n_grams: dict[int, float] = Field(default={8: 0.15, 10: 0.14, 11: 0.13, 13: 0.12, 14: 0.11, 16: 0.1})
    """For n characters in a row, the share of characters in such as were there before."""


class ChineseC4(C4):
    """As for other texts, but for what is said here. Closing marks are 。！？… and quotation marks behind them."""

    min_sentences: int | None = Field(default=3, ge=0)
    """Documents: sentences that are left."""
    min_words_in_line: int = Field(default=5, ge=0)
    """Lines: take out those with fewer characters that are not marks."""
    max_word_length: int | None = Field(default=1000, ge=1)
    """Lines: take out those with a longer stretch without a mark."""
    policy_phrases: tuple[Phrase, ...] = Field(
        default=(
            "使用条款",
            "使用條款",
            "服务条款",
            "服務條款",
            "用户协议",
            "用戶協議",
            "隐私政策",
            "隱私政策",
            "隐私声明",
            "隱私聲明",
            "使用cookie",
            "使用 cookie",
            "cookie政策",
            "cookie 政策",
            "icp备",
            "版权所有",
            "版權所有",
        ),
        max_length=60,
    )
    """In small letters; capitals are taken for them. ICP备 is the licence that Chinese pages carry at their foot."""


class ChineseFineWebQuality(FineWebQuality):
    """As for other texts, but for what is said here."""

    short_line: int = Field(default=10, ge=0)
    """Characters: thirty letters of English, blanks included, are five to six words."""
    max_line_feeds: float | None = Field(default=0.19, ge=0)
    """0.3 for a word."""
