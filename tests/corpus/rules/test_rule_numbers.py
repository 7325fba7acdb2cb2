"""What the taggers count, against the slow way, on texts of all shapes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_rules import c4_lines, fineweb, quality, repetition

from danlu.corpus.rules import c4, fineweb_quality, gopher_quality, gopher_repetition
from danlu.corpus.rules.c4 import C4
from danlu.corpus.rules.chinese import ChineseGopherQuality, ChineseGopherRepetition
from danlu.corpus.rules.fineweb_quality import FineWebQuality
from danlu.corpus.rules.gopher_quality import GopherQuality
from danlu.corpus.rules.gopher_repetition import GopherRepetition
from danlu.corpus.rules.marks import CHINESE_BULLETS, LINE_STOP, spaced_table
from danlu.corpus.rules.rule import Column, Reading
from danlu.corpus.rules.script import Script
from danlu.corpus.text_batch import TextBatch

STOPS = "".join(chr(code) for code in range(0x1_0000) if spaced_table()[code] & LINE_STOP)
WORDS = st.sampled_from(
    [
        "the",
        "of",
        "and",
        "be",
        "cat",
        "sat",
        "on",
        "a",
        "mat.",
        "Mat!",
        "#",
        "...",
        "…",
        "(b)",
        "-",
        "•",
        "1990",
        "don't",
    ]
)
LINES = st.one_of(
    st.lists(WORDS, max_size=12).map(" ".join),
    st.sampled_from(
        ["", " ", "the cat sat on the mat.", "- an item", " • item…", "wait...", "x" * 40, "Privacy Policy of the cat."]
    ),
    st.text(max_size=12),
)
ENDS = st.sampled_from(["\n", "\n", "\n\n", "\r\n", "\n\n\n", "\u2028", "\x0b", "\r", " \n"])
TEXTS = st.lists(st.tuples(LINES, ENDS).map("".join), max_size=12).map("".join)
PROSE = st.lists(
    st.sampled_from(
        [
            "The cat sat [1] on the mat.",
            "Is it [citation needed] so? Yes! It is.",
            'He said: "Go home."  (And so on.) Then he went.',
            "Please enable JavaScript to go on.",
            "This site uses cooKies.",
            "Lorem IPSUM dolor sit.",
            "A { brace } is here.",
            "no closing mark",
            "too short.",
            "It goes on...",
            "w" * 1001 + " is a long word.",
            "  spaces around it are taken off.  ",
            "U.S. Mr. Smith left. \t 3.14 is a number. [edit]",
            "[12] begins with a reference.",
            "ends with one. [12]",
            "",
        ]
    ),
    max_size=8,
).map("\n".join)


def reading(texts: list[str], script: Script = Script.SPACED) -> Reading:
    return Reading(TextBatch.of(texts), script)


def strings(read: Reading) -> list[list[str]]:
    return read.words.of_texts(read.batch)


def assert_same(tags: Mapping[str, Column], expected: list[dict[str, float]]) -> None:
    for name in expected[0] if expected else ():
        np.testing.assert_array_equal(tags[name], [row[name] for row in expected], err_msg=name)


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_gopher_quality(texts: list[str]) -> None:
    read = reading(texts)
    tags = gopher_quality.tag(read, GopherQuality()).tags
    stop_words = GopherQuality().stop_words
    assert_same(tags, [quality(text, words, stop_words) for text, words in zip(texts, strings(read), strict=True)])


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_gopher_repetition(texts: list[str]) -> None:
    read = reading(texts)
    tags = gopher_repetition.tag(read, GopherRepetition()).tags
    pairs = zip(texts, strings(read), strict=True)
    assert_same(tags, [repetition(text, words, [2, 3, 4], [5, 6, 7, 8, 9, 10]) for text, words in pairs])


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_fineweb_quality(texts: list[str]) -> None:
    read = reading(texts)
    tags = fineweb_quality.tag(read, FineWebQuality()).tags
    assert_same(tags, [fineweb(text, words, STOPS, 30) for text, words in zip(texts, strings(read), strict=True)])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(PROSE, TEXTS), max_size=4))
def test_c4_edits(texts: list[str]) -> None:
    tagged = c4.tag(reading(texts), C4())
    slow = [c4_lines(text, C4().policy_phrases) for text in texts]
    assert tagged.edited is not None
    assert tagged.edited.batch.texts() == [text for text, _ in slow]
    names = [name for name in tagged.tags if name != "num_sentences"]
    assert_same(tagged.tags, [{name: counts[name] for name in names} for _, counts in slow])


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("One two three.", 1),
        ("One two three. Four five six. Seven!", 3),
        ("He asked: who is it? Nobody knew.", 2),
        ("What is this?! Nothing at all.", 2),
        ('She said "Go home." Then she went.', 2),
        ("Mr. Smith of the U.S. was late.", 1),
        ("It costs 3.50 here. That is much.", 2),
        ("One line of it.\nAnother line of it.", 2),
        ("It goes on ... and on.", 1),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert c4.tag(reading([text]), C4()).tags["num_sentences"].tolist() == [sentences]


def test_lines_can_be_left_as_they_are() -> None:
    text = "no closing mark\nPlease enable JavaScript [1] now.\nThis site uses cookies here.\nx y\n" + "w" * 1001
    everything = C4(
        closing_mark=False, min_words_in_line=0, max_word_length=None, javascript=False, policy=False, references=False
    )
    tagged = c4.tag(reading([text]), everything)
    assert tagged.edited is not None
    assert tagged.edited.batch.texts() == [text]
    without_policy = c4.tag(reading([text]), C4(policy_phrases=("site uses",), javascript=False))
    assert without_policy.edited is not None
    assert without_policy.edited.batch.texts() == ["Please enable JavaScript  now."]


CHINESE = st.lists(
    st.sampled_from("的了在是不丹炉炼成，。！？…\n “”ab1·-●")
    | st.sampled_from(["\n\n", "……", "丹炉炼丹。\n", "Python"])
).map("".join)


@settings(max_examples=120, deadline=None)
@given(st.lists(CHINESE, max_size=3))
def test_chinese_counts(texts: list[str]) -> None:
    read = reading(texts, Script.CHINESE)
    words = strings(read)
    thresholds = ChineseGopherRepetition()
    tops, repeats = list(thresholds.max_top_n_grams), list(thresholds.max_repeated_n_grams)
    tags = gopher_repetition.tag(read, thresholds).tags
    assert_same(tags, [repetition(text, cut, tops, repeats, "") for text, cut in zip(texts, words, strict=True)])

    tags = gopher_quality.tag(read, ChineseGopherQuality()).tags
    stop_words = ChineseGopherQuality().stop_words
    slow = [quality(text, cut, stop_words, CHINESE_BULLETS) for text, cut in zip(texts, words, strict=True)]
    # Words of marks are other ones in Chinese, and are counted by hand elsewhere.
    for row in slow:
        del row["num_words"], row["mean_word_length"]
    assert_same(tags, slow)


def test_chinese_clauses_and_words() -> None:
    text = "丹炉，炼丹；成了。AI 模型 3.14！"
    tags = gopher_quality.tag(reading([text], Script.CHINESE), ChineseGopherQuality()).tags
    # 丹炉 炼丹 成了 AI 模型 3 14
    assert tags["mean_clause_length"].tolist() == [13 / 7]
    assert tags["num_words"].tolist() == [11]
    assert tags["alphabetic_words"].tolist() == [9 / 16]
