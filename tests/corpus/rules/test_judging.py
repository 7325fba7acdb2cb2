"""Texts, good and bad, in both scripts: which rule drops them, and what moving a threshold changes."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from danlu.corpus.judging import Judgement
from danlu.corpus.rules.c4 import C4
from danlu.corpus.rules.chinese import ChineseGopherQuality
from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.rules.fineweb_quality import FineWebQuality
from danlu.corpus.rules.gopher_quality import GopherQuality
from danlu.corpus.rules.gopher_repetition import GopherRepetition
from danlu.corpus.rules.judging import HAN_SHARE, NUM_CHARACTERS, RulesJudge, tag, verdicts
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.table import SETS
from danlu.errors import UserError

ENGLISH = """\
The furnace stands in the corner of the workshop, and nobody is allowed to touch it while it burns. An old man sits \
beside it with a book that he has read many times before.
He says that patience is what turns raw material into something precious. Those who open the door too early find \
nothing but ashes, and those who wait too long find the same.
On the third day it begins to rain. Water runs down the windows, and the street outside is empty but for a dog!
Will the fire last until morning? Nobody can tell, but there is enough wood for another night, and the man is not tired.
"""
CHINESE = """\
炉子放在作坊的角落里，烧着的时候谁也不许碰它。一位老人坐在旁边，手里拿着一本读过很多遍的书。
他说，把原料变成珍宝靠的是耐心。门开得太早，只能看到灰烬；等得太久，结果也是一样。
第三天下起了雨。水顺着窗户往下流，街上除了一条狗以外什么也没有！
火能烧到天亮吗？谁也说不准，不过柴火还够用一个晚上，而且老人并不觉得累。
"""

MARKS = "，。；！\n"


def judge(texts: list[str], config: RulesConfig) -> Judgement:
    return RulesJudge(config).judge(texts)


def reason(text: str, config: RulesConfig | None = None) -> str | None:
    return judge([text], config or RulesConfig()).reasons[0]


def only(name: str) -> RulesConfig:
    return RulesConfig.model_validate({"sets": [name]})


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_good_text_is_kept_as_it_is(text: str) -> None:
    judgement = judge([text], RulesConfig())
    assert judgement.reasons == [None]
    assert judgement.texts == [text.strip().replace("  ", " ")]


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("", "gopher_quality", "fewer than 50 words"),
        (" \n\t\n", "gopher_quality", "fewer than 50 words"),
        ("a", "gopher_quality", "fewer than 50 words"),
        ("the cat and " * 40_000, "gopher_quality", "more than 100000 words"),
        ("it is on to of be " * 20, "gopher_quality", "words under 3 letters"),
        ("the and internationalisation antidisestablishmentarianism " * 20, "gopher_quality", "words over 10"),
        (ENGLISH.replace(" the ", " # the # "), "gopher_quality", "too many number signs"),
        (ENGLISH.replace(" ", "... ", 25), "gopher_quality", "too many ellipses"),
        ("- " + ENGLISH.strip().replace("\n", "\n- "), "gopher_quality", "items of a list"),
        (ENGLISH.replace(".\n", "…\n").replace("!\n", "…\n"), "gopher_quality", "end with an ellipsis"),
        (ENGLISH.replace(" ", " 12 "), "gopher_quality", "too few words have a letter"),
        ("Furnaces stand idle while nobody burns coal since everyone sleeps. " * 8, "gopher_quality", "stop words"),
        ("One paragraph.\n\n" * 3 + ENGLISH, "gopher_repetition", "paragraphs that repeat"),
        (f"{ENGLISH}\n\nshort\n\n{ENGLISH}\n\nx\n\ny", "gopher_repetition", "in paragraphs that repeat"),
        ("Menu\n" * 8 + ENGLISH, "gopher_repetition", "lines that repeat"),
        ("".join(f"{letter} buy now\n" for letter in "abcdefghij"), "gopher_repetition", "most frequent 2 words"),
        (ENGLISH + " ".join(ENGLISH.split()[30:80]), "gopher_repetition", "in 5 words that repeat"),
        (ENGLISH.replace("The furnace", "Lorem ipsum: the furnace"), "c4", "lorem ipsum"),
        (ENGLISH.replace("book that", "{book} that"), "c4", "a curly bracket"),
        (ENGLISH.replace(".", ","), "c4", "sentences of prose"),
        (" \n \n", "fineweb_quality", "nothing but white space"),
        (ENGLISH.replace(".", ",").replace("!", ",").replace("?", ","), "fineweb_quality", "too few lines end"),
        (ENGLISH.replace(" ", ".\n"), "fineweb_quality", "too many lines of at most 30"),
        (ENGLISH * 2, "fineweb_quality", "text in lines that repeat"),
    ],
)  # fmt: skip
def test_bad_text_is_dropped_with_its_reason(text: str, name: str, why: str) -> None:
    found = reason(text, only(name))
    assert found is not None
    assert found.startswith(f"{name}@1: ")
    assert why in found


def test_too_few_words_in_a_line() -> None:
    lines = "\n".join(
        ["antidisestablishmentarianism internationalisation."] * 1 + [f"{'w' * 31}{i}." for i in range(9)]
    )
    assert reason(lines, only("fineweb_quality")) == "fineweb_quality@1: too few words in a line"


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("", "gopher_quality@1", "fewer than 50 words"),
        ("炉子。", "gopher_quality_chinese@1", "fewer than 80 characters"),
        (
            "首页 新闻 体育 财经 娱乐 科技 汽车 房产 教育 军事 " * 8,
            "gopher_repetition_chinese@1",
            "most frequent 6 characters",
        ),
        (CHINESE + CHINESE.replace("\n", ""), "gopher_repetition_chinese@1", "text in 8 characters that repeat"),
        (
            CHINESE.translate(str.maketrans("", "", MARKS)),
            "gopher_quality_chinese@1",
            "more than 30 characters between",
        ),
        ("、".join(CHINESE), "gopher_quality_chinese@1", "fewer than 3 characters between"),
        (
            re.sub("[的了是在不有和这也之而其以何于与为无]", "", CHINESE * 2),
            "gopher_quality_chinese@1",
            "different stop words",
        ),
        (CHINESE.replace("，", "## "), "gopher_quality_chinese@1", "too many number signs"),
        (CHINESE.replace("，", "……"), "gopher_quality_chinese@1", "too many ellipses"),
        ("●" + CHINESE.strip().replace("\n", "\n●"), "gopher_quality_chinese@1", "items of a list"),
        (CHINESE.replace("炉子放", "{炉子}放"), "c4_chinese@1", "a curly bracket"),
        (CHINESE.replace("。\n", "\n").replace("！\n", "\n"), "c4_chinese@1", "fewer than 3 sentences of prose"),
        (CHINESE * 2, "fineweb_quality_chinese@1", "text in lines that repeat"),
        ("\n".join(CHINESE.split("，")) + "的\n" * 20, "fineweb_quality_chinese@1", "at most 10 characters"),
        (re.sub("[。！]", "", CHINESE), "fineweb_quality_chinese@1", "too few lines end a sentence"),
    ],
)
def test_bad_chinese_is_dropped_by_the_chinese_counterpart(text: str, name: str, why: str) -> None:
    found = reason(text, only(name.partition("@")[0].removesuffix("_chinese")))
    assert found is not None
    assert found.startswith(f"{name}: ")
    assert why in found


def test_chinese_lines_of_pages_are_taken_out() -> None:
    page = (
        f"首页 > 新闻 > 正文\n{CHINESE}京ICP备12345678号。\n阅读本站的隐私政策，谢谢。\n请启用JavaScript，谢谢。\n好。"
    )
    judgement = judge([page], RulesConfig())
    assert judgement.reasons == [None]
    assert judgement.texts == [CHINESE.strip()]
    tags = {name: column[0] for name, column in judgement.tags.items()}
    assert tags["c4_chinese@1/lines_with_policy"] == 2
    assert tags["c4_chinese@1/lines_with_javascript"] == 1
    assert tags["c4_chinese@1/lines_not_closed"] == 1
    assert tags["c4_chinese@1/lines_with_few_words"] == 1


def test_each_text_is_held_against_the_rules_of_its_script() -> None:
    japanese = "これは日本語の文章です。漢字と仮名が混じっています。" * 5
    half = "炼丹炉 " * 30 + "furnace " * 30
    tags, _ = tag([ENGLISH, CHINESE, japanese, half, ""], RulesConfig())
    assert tags[NUM_CHARACTERS].tolist() == [len(ENGLISH), len(CHINESE), len(japanese), len(half), 0]
    assert tags[HAN_SHARE][[0, 2, 4]].tolist() == [0, 0, 0]
    assert tags[HAN_SHARE][1] == 1
    assert tags[HAN_SHARE][3] == 90 / 300
    assert np.isnan(tags["gopher_quality@1/num_words"]).tolist() == [False, True, False, True, False]
    assert np.isnan(tags["gopher_quality_chinese@1/num_words"]).tolist() == [True, False, True, False, True]


def test_other_thresholds_need_no_text() -> None:
    texts = [ENGLISH, CHINESE, "too short", "太短", ENGLISH * 2, CHINESE * 2]
    tags, _ = tag(texts, RulesConfig())
    for config in (
        RulesConfig(),
        RulesConfig(gopher_quality=GopherQuality(min_words=1), c4=C4(min_sentences=0)),
        RulesConfig(
            sets=("c4", "gopher_quality"),
            gopher_quality=GopherQuality(max_words=80),
            gopher_quality_chinese=ChineseGopherQuality(max_words=None, min_words=1000),
        ),
        RulesConfig(
            gopher_repetition=GopherRepetition(
                max_repeated_lines=None,
                max_repeated_line_characters=None,
                max_top_n_grams={},
                max_repeated_n_grams={7: 0.9},
            ),
            fineweb_quality=FineWebQuality(max_repeated_line_characters=1),
        ),
    ):
        if config.sets == RulesConfig().sets:
            assert verdicts(tags, config).reasons == judge(texts, config).reasons
        kept = verdicts(tags, config)
        assert kept.kept.tolist() == [found is None for found in kept.reasons]
    assert (
        verdicts(tags, RulesConfig()).reasons[2]
        == "gopher_repetition@1: the most frequent 2 words make up too much of it"
    )


def test_a_number_that_was_not_counted_is_asked_for() -> None:
    tags, _ = tag([ENGLISH], RulesConfig())
    with pytest.raises(UserError, match="top_5_gram"):
        verdicts(tags, RulesConfig(gopher_repetition=GopherRepetition(max_top_n_grams={5: 0.1})))


def test_later_sets_see_what_c4_leaves() -> None:
    page = "Home\n" * 40 + ENGLISH
    first = judge([page], RulesConfig(sets=("c4", "fineweb_quality")))
    last = judge([page], RulesConfig(sets=("fineweb_quality", "c4")))
    assert first.reasons == [None]
    assert last.reasons == ["fineweb_quality@1: too few lines end a sentence"]
    assert first.texts == last.texts
    assert "Home" not in first.texts[0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([ENGLISH, CHINESE, "", "x", "好", " \n", "{ a b c }.", ENGLISH * 2]), max_size=6))
def test_batches_do_not_matter(texts: list[str]) -> None:
    together = judge(texts, RulesConfig())
    alone = [judge([text], RulesConfig()) for text in texts]
    assert together.reasons == [each.reasons[0] for each in alone]
    assert together.texts == [each.texts[0] for each in alone]
    for name, column in together.tags.items():
        np.testing.assert_array_equal(column, [each.tags[name][0] for each in alone])


@pytest.mark.parametrize("piece", ["word ", "x", "中", ".", "\n", "{", "- a\n", "[1]", "the and 中。"])
def test_one_long_text(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    judge([piece], RulesConfig())
    started = time.perf_counter()
    judgement = judge([text], RulesConfig())
    assert judgement.reasons[0]
    # Linear: a square would take hours.
    assert time.perf_counter() - started < 30


def test_settings_are_strict() -> None:
    with pytest.raises(ValidationError, match="each can be asked once"):
        RulesConfig(sets=("c4", "c4"))
    with pytest.raises(ValidationError, match="min_wrods"):
        RulesConfig.model_validate({"gopher_quality": {"min_wrods": 3}})
    with pytest.raises(ValidationError, match="policy_phrases"):
        C4(policy_phrases=("",))
    config = RulesConfig.model_validate({"gopher_quality_chinese": {"min_words": 10}})
    assert config.gopher_quality_chinese.max_words == 160_000
    assert RulesConfig.model_validate_json(config.model_dump_json()) == config


def test_every_set_has_settings_for_both_scripts() -> None:
    config = RulesConfig()
    assert tuple(SETS) == config.sets
    for name, rules in SETS.items():
        for script in Script:
            known = set(rules.tag(_reading(script), config.settings(name, script)).tags)
            assert {rule.tag for rule in rules.rules(config.settings(name, script), script)} <= known
    assert math.isnan(judge([CHINESE], config).tags["c4@1/num_sentences"][0])


def _reading(script: Script):  # type: ignore[no-untyped-def]
    from danlu.corpus.rules.rule import Reading
    from danlu.corpus.text_batch import TextBatch

    return Reading(TextBatch.of(["a"]), script)
