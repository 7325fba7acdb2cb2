"""Names of people, Chinese and English."""

from __future__ import annotations

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span
from danlu.corpus.personal.names import english

FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
CHARACTERS = (
    "安博晨聪达德恩凡方峰刚光国海涵浩恒宏华辉佳建健杰景静军俊凯康乐磊亮琳玲龙明鸣宁鹏平琪强青清然仁荣瑞珊"
    "胜思涛婷文希霞翔晓欣新星雅阳怡毅英颖勇宇雨远悦哲振志致"
)
_GIVEN = (
    "Alan Amelia Carol Daniel Edith Felix Hannah Ian Julia Kevin Laura Martin Nora Oscar Paula Robert Sarah "
    "Thomas Ursula Walter"
)
ENGLISH_GIVEN = tuple(_GIVEN.split())
_FAMILY = (
    "Ashdown Barlow Corbin Dunmore Eastman Farrow Gresham Hollis Ingham Jarrow Kendrick Langley Merton Norwood "
    "Overton Pembrook"
)
ENGLISH_FAMILY = tuple(_FAMILY.split())


def find(text: str, position: int, size: int) -> Span | None:
    if text[position] == ":":
        return english.find_at_label(text, position)
    if text[position].isascii():
        return english.find_at_word(text, position) or english.find_reversed(text, position)
    return position, position + size


def canonical(value: str) -> str:
    return " ".join(value.split()).casefold()


def stand_in(draw: Draw, value: str) -> str:
    """A name of the same language, of parts that are common, so that it says nothing."""
    if value.isascii():
        return f"{draw.choice(ENGLISH_GIVEN)} {draw.choice(ENGLISH_FAMILY)}"
    given = "".join(draw.choice(CHARACTERS) for _ in range(min(2, len(value) - 1)))
    return draw.choice(FAMILY_NAMES) + given


KIND = Kind(
    name="name",
    chinese="姓名",
    english="NAME",
    anchors={Anchor.CHINESE_NAME: ANY_SIZE, Anchor.ENGLISH_NAME: ANY_SIZE, Anchor.LABEL: ANY_SIZE},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
