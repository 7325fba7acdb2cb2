"""Characters made right: broken on purpose, and mended; what is right stays."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.tagging.characters import UnicodeJudge
from danlu.corpus.tagging.config import UnicodeConfig

NOTHING = dict.fromkeys(
    ("mend_encoding", "remove_invisible", "narrow_letters", "collapse_blanks", "join_chinese"), False
)
PROSE = (
    "炼丹炉在作坊的角落里，很多年没有人点过火了。\n\nNobody had lit the furnace—“not for years”, he said: café, 10²."
)


def edited(text: str, **settings: bool | str) -> tuple[str, dict[str, int]]:
    """With only these settings on."""
    judgement = UnicodeJudge(UnicodeConfig.model_validate({**NOTHING, **settings})).judge([text])
    counts = {name.removeprefix("unicode@1/"): int(column[0] or 0) for name, column in judgement.tags.items()}
    assert judgement.reasons == [None]
    return judgement.texts[0], counts


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac-roman"])
@pytest.mark.parametrize("text", ["Le café est près d’ici.", "l’été à la campagne", "über alles Maß"])
def test_text_read_in_a_wrong_encoding_is_mended(text: str, encoding: str) -> None:
    try:
        broken = text.encode().decode(encoding)
    except UnicodeDecodeError:
        pytest.skip("the bytes are nothing in this encoding")
    assert edited(f"right\n{broken}\n{PROSE}", mend_encoding=True) == (f"right\n{text}\n{PROSE}", {"encoding": 1})


def test_chinese_read_as_latin_is_mended() -> None:
    assert edited("炼丹".encode().decode("latin-1") + "!", mend_encoding=True) == ("炼丹!", {"encoding": 1})


def test_what_is_right_stays() -> None:
    assert UnicodeJudge(UnicodeConfig()).judge([PROSE]).texts == [PROSE]
    tags = UnicodeJudge(UnicodeConfig()).judge([PROSE]).tags
    assert {float(column[0] or 0) for column in tags.values()} == {0}
    assert edited("  a \u3000b", **{}) == ("a \u3000b", {})


def test_invisible_characters() -> None:
    text = "zero\u200bwidth \u202egnol\u202c soft\u00adhyphen \ufeffend"
    assert edited(text, remove_invisible=True) == ("zerowidth gnol softhyphen end", {"invisible": 5})
    for whole in ("می\u200cخواهم", "क्\u200dष", "👩\u200d💻", "❤\ufe0f\u200d🔥"):
        assert edited(whole, remove_invisible=True) == (whole, {"invisible": 0})
    assert edited("炼\u200d丹\u200c炉", remove_invisible=True) == ("炼丹炉", {"invisible": 2})


def test_width() -> None:
    assert edited("ＰＤＦ２０２４，好！ｶﾞｽ", narrow_letters=True) == ("PDF2024，好！ガス", {"width": 2})
    wide = "".join(map(chr, range(0xFF01, 0xFF5F)))
    expected = "".join(unicodedata.normalize("NFKC", each) if each.isalnum() else each for each in wide)
    assert edited(wide, narrow_letters=True)[0] == expected


@given(st.text())
def test_compatibility_is_unicodes(text: str) -> None:
    tidy, _ = edited(text, normalization="NFC")
    changed, counts = edited(tidy, normalization="NFKC")
    assert changed == edited(unicodedata.normalize("NFKC", tidy))[0]
    assert (
        counts["compatibility"] == sum(unicodedata.normalize("NFKC", each) != each for each in tidy) or changed == tidy
    )


def test_blanks() -> None:
    text = "a  b\u00a0c \n\n \n\n    code\t\tof  x\u3000\u3000y\u3000z"
    assert edited(text, collapse_blanks=True) == ("a b c\n\n    code of x y\u3000z", {"blanks": 8})


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("炼 丹 炉 放  在 角 落 里 ， 没 有 人 。", "炼丹炉放在角落里，没有人。"),
        ("他 用 Python 3 写 了 PDF 。", "他用 Python 3 写了 PDF 。"),
        ("Nobody came . 没 人", "Nobody came . 没人"),
        ("火が 消え た", "火が消えた"),
        ("불이 꺼졌다", "불이 꺼졌다"),
        ("第一行\n第二行", "第一行\n第二行"),
    ],
)
def test_blanks_between_chinese_characters(text: str, joined: str) -> None:
    assert edited(text, join_chinese=True)[0] == joined


PIECES = st.sampled_from([*"a1 炼，Ａ\u3000\t\n\u00a0\u200b\u200d👩ｶﾞ", "  ", "\n\n\n", "fire", "é"])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_second_time_changes_nothing(text: str) -> None:
    judge = UnicodeJudge(UnicodeConfig())
    (once,) = judge.judge([text]).texts
    assert judge.judge([once]).texts == [once]


@pytest.mark.parametrize(
    "text", [" " * 200_000 + "x", "x" + " " * 200_000 + "y", "炼" + " " * 200_000, "\n" * 200_000 + "x"]
)
def test_long_runs_take_no_longer(text: str) -> None:
    start = time.process_time()
    edited(text, join_chinese=True)
    edited(text, collapse_blanks=True)
    assert time.process_time() - start < 1
