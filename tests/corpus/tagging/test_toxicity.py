"""Offensive words beside regular expressions, and lists of one's own."""

from __future__ import annotations

import random
import re
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from danlu.corpus.config import CleanConfig
from danlu.corpus.tagging.config import ToxicityConfig
from danlu.corpus.tagging.toxicity import ToxicityJudge, read_words
from danlu.errors import UserError

LISTS = {
    name: read_words((files("danlu.corpus.tagging") / "words" / f"{name}.txt").read_text(encoding="utf-8"))
    for name in ("en", "zh")
}
LATIN = r"[a-z0-9]"


def slow_matches(text: str, words: list[str]) -> list[str]:
    """One regular expression; the longest of those that begin at a place comes first in it."""
    parts = []
    for word in sorted(words, key=len, reverse=True):
        before = f"(?<!{LATIN})" if re.match(LATIN, word[0]) else ""
        behind = f"(?!{LATIN})" if re.match(LATIN, word[-1]) else ""
        parts.append(before + re.escape(word) + behind)
    return re.findall("|".join(parts), text.lower())


def test_as_many_are_found_as_by_a_regular_expression() -> None:
    chance = random.Random(4)
    words = [*LISTS["en"], *LISTS["zh"]]
    other = ["Scunthorpe", "shitake", "一", "的妈", "妈的", " ", " ", ", ", "1", "hell", "火"]
    texts = ["".join(chance.choices([*words, *other, *other], k=30)).title() for _ in range(300)]
    tags = ToxicityJudge(ToxicityConfig(), []).judge(texts).tags
    expected = [slow_matches(text, words) for text in texts]
    assert sum(map(len, expected)) > 300
    assert list(tags["toxicity@1/num_matches"]) == [len(found) for found in expected]
    assert list(tags["toxicity@1/share"]) == pytest.approx(
        [sum(map(len, found)) / len(text) for found, text in zip(expected, texts, strict=True)]
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The town of Scunthorpe has a pornographer.", 0),
        ("You SHIT.", 1),
        ("你真是个fuck啊", 1),  # Chinese has no blanks, and Latin words in it end where they end
        ("他的妈妈的手", 0),
        ("出口交货值，男性奴隶，生日你妈妈来吗", 0),
        ("son of a bitch", 1),
        ("son of a bitches", 1),
        ("你他妈的傻逼", 2),
    ],
)
def test_words_end_where_words_end(text: str, number: int) -> None:
    assert ToxicityJudge(ToxicityConfig(), []).judge([text]).tags["toxicity@1/num_matches"][0] == number


def test_limits_have_their_reasons() -> None:
    texts = ["shit " * 4, "shit and other words besides, many of them", "nothing of the kind"]
    judge = ToxicityJudge(ToxicityConfig(lists=("en",), max_matches=3, max_share=0.05), [])
    assert judge.judge(texts).reasons == [
        "toxicity@1: more than 3 offensive words",
        "toxicity@1: more than 0.05 of its characters in offensive words",
        None,
    ]
    assert ToxicityJudge(ToxicityConfig(lists=("zh",)), []).judge(texts).reasons == [None] * 3


def test_own_lists_are_read(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("# mine\n\nBroken   Furnace\n坏炉子\n", encoding="utf-8-sig")
    tags = ToxicityJudge(ToxicityConfig(lists=()), [own]).judge(["a broken furnace", "坏炉子坏炉子", "shit"]).tags
    assert list(tags["toxicity@1/num_matches"]) == [1, 2, 0]
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    with pytest.raises(UserError, match=r"toxic_words: empty\.txt has no words"):
        ToxicityJudge(ToxicityConfig(), [empty])
    with pytest.raises(ValidationError, match="toxic_words does nothing without toxicity"):
        CleanConfig.model_validate({"from": ["x"], "into": "corpus", "toxic_words": "own.txt"})


def test_lists_have_each_word_once_and_both_scripts() -> None:
    opencc = pytest.importorskip("opencc")
    for words in LISTS.values():
        assert len(set(words)) == len(words)
    convert = opencc.OpenCC("t2s").convert
    simplified = [word for word in LISTS["zh"] if convert(word) == word]
    assert {convert(word) for word in LISTS["zh"]} == set(simplified)
    assert len(LISTS["zh"]) - len(simplified) == sum(opencc.OpenCC("s2t").convert(word) != word for word in simplified)
