"""Lines of the page: each kind by examples, prose beside them, and what is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.tagging.boilerplate import BoilerplateJudge
from danlu.corpus.tagging.config import BoilerplateConfig
from danlu.corpus.tagging.furniture import PHRASES, TRIGGERS, is_furniture

FURNITURE = """
Home
HOME | ABOUT | CONTACT
首页 > 新闻 > 正文
首页　关于我们　联系我们
登录/注册
« Previous Page | Next Page »
上一篇：炼丹炉的来历
下一章: 第三回
点击阅读全文
[责任编辑：小炉]
版权所有 © 2019 丹炉日报
Copyright (c) 2011 The Furnace Ltd. All rights reserved.
© 2020 Danlu
京ICP备12345678号-1
沪公网安备 31010102001234号
This website uses cookies to improve your experience.
Please enable JavaScript to view the comments.
长按识别二维码，关注公众号
Follow us on Twitter!
Share this page
隱私權政策 | 服務條款
Powered by WordPress
"""
PROSE = """
We came home late.
The news of the day was that the furnace had gone out, and nobody knew how to light it.
他回到首页，看了一会儿新闻。
作者上一篇文章写的是炼丹，这一篇写的是火候。
He told us about the archives - and then he left.
Cookies are baked at 180 degrees.
The next page was torn out.
版权是作者的权利。
炉火 - 纯青
1998 - 2003
from the archive.
print()
## Download
"""


@pytest.mark.parametrize("line", FURNITURE.strip().splitlines())
def test_lines_of_the_page(line: str) -> None:
    assert is_furniture(line)


@pytest.mark.parametrize("line", PROSE.strip().splitlines())
def test_lines_of_the_text(line: str) -> None:
    assert not is_furniture(line)


TEXT = "首页 > 新闻\n\n炼丹炉\n\n第一段。\n分享到\n\n\n第二段。\n\n上一篇：无\n版权所有 丹炉日报\n"


def test_ends_are_taken_first() -> None:
    judgement = BoilerplateJudge(BoilerplateConfig()).judge([TEXT, "一段。\n分享到\n二段。", "首页\n\n登录"])
    assert judgement.texts == ["炼丹炉\n\n第一段。\n分享到\n\n\n第二段。", "一段。\n分享到\n二段。", ""]
    assert list(judgement.tags["boilerplate@1/num_lines"]) == [3, 0, 2]
    assert list(judgement.tags["boilerplate@1/line_share"]) == [3 / 7, 0, 1]
    assert judgement.reasons == [None] * 3


def test_anywhere_also_in_between() -> None:
    judge = BoilerplateJudge(BoilerplateConfig(where="anywhere", max_share=0.6))
    judgement = judge.judge([TEXT, "首页\n登录\n注册\n炼丹炉"])
    assert judgement.texts[0] == "炼丹炉\n\n第一段。\n\n第二段。"
    assert judgement.reasons == [None, "boilerplate@1: more than 0.6 of its lines are of the page"]


LINES = st.lists(
    st.sampled_from(["首页", "登录 | 注册", "", "  ", "炼丹。", "the fire", "All rights reserved"]), max_size=9
)


@given(LINES)
def test_no_line_of_the_text_is_lost(lines: list[str]) -> None:
    """And a second look finds nothing more."""
    text = "\n".join(lines).strip()
    judge = BoilerplateJudge(BoilerplateConfig(where="anywhere"))
    (edited,) = judge.judge([text]).texts
    prose = [line for line in text.split("\n") if line.strip() and not is_furniture(line.strip())]
    assert [line for line in edited.split("\n") if line.strip()] == prose
    assert judge.judge([edited]).texts == [edited]


@given(st.text("©版权所有保留未经书面许可转载icp备京 copyright(c)2014allrightsreserved关注公众号", max_size=40))
def test_no_phrase_is_without_its_trigger(line: str) -> None:
    if PHRASES.search(line):
        assert TRIGGERS.search(line)
