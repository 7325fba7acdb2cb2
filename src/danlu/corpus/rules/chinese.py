"""Chinese counterparts: the same rules over characters, with thresholds of their own.

Between words of Chinese there are no blanks. So each character is a word, as is each run of Latin letters or digits and
each mark, and what the papers count in words is counted in characters, 1.6 times as many: in a newspaper whose words
are marked (People's Daily of January 1998, 0.94 million words) it is 1.63 with marks as words, 1.75 without. Where
another figure is given below, it is of that paper's 1,705 pieces of a thousand characters, 98 % of which these rules
keep.
"""

from __future__ import annotations

from pydantic import Field

from danlu.corpus.rules.settings import C4, FineWebQuality, GopherQuality, GopherRepetition, Phrase, Size


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
    """Characters between two marks or blanks; in the newspaper 6.3 to 15.4 (first and last hundredth), in verse 4 to 7.
    Below are menus and tables."""
    max_mean_clause_length: float | None = Field(default=30, ge=0)
    """Above is text whose marks were lost."""
    max_number_signs: float | None = Field(default=0.06, ge=0)
    """0.1 for a word."""
    max_ellipses: float | None = Field(default=0.06, ge=0)
    """Likewise; …… are two."""
    min_alphabetic_words: float | None = Field(default=0.7, ge=0, le=1)
    """A mark stands after every ten characters, and digits are words, too: 0.78 or more in 99 % of the newspaper, which
    would leave nothing between it and the paper's 0.8."""
    stop_words: tuple[str, ...] = Field(
        default=tuple("的了是在不有和这這也之而其以何于於与與为為无無"),
        min_length=1,
        max_length=63,
    )
    """Of today's and of classical Chinese, in both scripts. The newspaper has nine or more in 99 %; of poems of the
    Tang, which need few such words, a sixth has fewer than two."""


class ChineseGopherRepetition(GopherRepetition):
    """The n of n-grams are 1.6 times as large, so that the shares are of the same amount of language. They leave out
    0.7 % of the newspaper."""

    max_top_n_grams: dict[Size, float] = Field(default={3: 0.2, 5: 0.18, 6: 0.16})
    """For n characters in a row, the share of characters in all places of those that occur most often."""
    max_repeated_n_grams: dict[Size, float] = Field(default={8: 0.15, 10: 0.14, 11: 0.13, 13: 0.12, 14: 0.11, 16: 0.1})
    """For n characters in a row, the share of characters in such as were there before."""


class ChineseC4(C4):
    """As for other texts, but for what is said here. Closing marks are 。！？… and quotation marks behind them."""

    min_sentences: int | None = Field(default=3, ge=0)
    """Documents: sentences that are left. One has 44 characters, 25 words: commas join what English parts."""
    min_words_in_line: int = Field(default=5, ge=0)
    """Lines: take out those with fewer characters that are not marks: three words."""
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
