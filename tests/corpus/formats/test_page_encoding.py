"""Bytes of pages as text."""

from __future__ import annotations

import codecs

import pytest

from danlu.corpus.formats.encoding import decode_page, known

SIMPLIFIED = "关于做好今冬供暖工作的通知：各区县人民政府，今冬供暖期将于十一月十五日开始，连续不达标的要退还热费。" * 3
TRADITIONAL = (
    "舊市場翻新，攤商盼保留老味道。市府昨天舉辦說明會，一百二十多位攤商到場，他們最關心的是搬遷期間怎麼做生意。" * 3
)
JAPANESE = "これは古い市場の話です。魚を売る人たちは、みんな朝の四時に起きていました。" * 3
KOREAN = "오래된 시장의 이야기입니다. 생선을 파는 사람들은 모두 새벽 네 시에 일어났습니다. " * 3
WESTERN = "Le café était fermé à cause de l’été; où aller déjeuner ? " * 3


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gb18030"),
        (SIMPLIFIED, "gbk"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "cp932"),
        (KOREAN, "cp949"),
        (WESTERN, "cp1252"),
        (SIMPLIFIED, "utf-8"),
        (TRADITIONAL, "utf-16"),
        ("<html><body>" + "markup " * 20 + SIMPLIFIED, "utf-16-le"),
        ("<html><body>" + "markup " * 20 + SIMPLIFIED, "utf-16-be"),
    ],
)
def test_without_declaration(text: str, encoding: str) -> None:
    assert decode_page(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="gb2312">', "gb18030"),
        ("<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=GBK'>", "gbk"),
        ('<meta charset="utf-8">', "gb18030"),
        ('<meta charset="iso-8859-1">', "gb18030"),
        ('<meta charset="gbk">', "utf-8"),
        ('<meta charset="no-such-thing">', "gb18030"),
        ('<meta charset="rot13">', "gb18030"),
    ],
)
def test_declarations_count_as_far_as_they_are_true(declaration: str, encoding: str) -> None:
    page = declaration + "𠮷".encode("gb18030").decode("gb18030") * (encoding == "gb18030") + SIMPLIFIED
    assert decode_page(page.encode(encoding)) == page


def test_the_header_of_a_response_counts_before_the_page() -> None:
    page = '<meta charset="windows-1252">Привет, как дела? ' * 10
    assert decode_page(page.encode("cp1251"), "windows-1251") == page


def test_marks_count_most() -> None:
    assert decode_page(codecs.BOM_UTF8 + "<meta charset=gbk>丹炉".encode()) == "<meta charset=gbk>丹炉"


def test_cut_off_and_damaged() -> None:
    data = (SIMPLIFIED * 10).encode()
    assert decode_page(data[:-1]) == (SIMPLIFIED * 10)[:-1] + "\ufffd"
    damaged = bytearray(data)
    damaged[300] = 0xFF
    assert decode_page(bytes(damaged)).count("\ufffd") <= 3
    assert decode_page(bytes(damaged))[-100:] == SIMPLIFIED[-100:]


def test_names() -> None:
    assert known(" GB2312 ") == "gb18030"
    assert known("latin1") == "cp1252"
    assert known("base64") is None
    assert known("") is None


def test_any_bytes_decode() -> None:
    assert isinstance(decode_page(bytes(range(256)) * 40), str)
