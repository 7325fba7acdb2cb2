"""What is found, and exactly where. Values are made by formulas written apart from the detector's."""

from __future__ import annotations

import random
import time

import pytest
from benchmarks.personal import values
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus.personal.finding import find
from danlu.corpus.personal.table import KINDS

SURROUNDINGS = st.text("，。：；、（）《》“”！？ \n\t,;:()\"'|是的号码为请", max_size=8)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
SEEDS = st.integers(0, 2**32)


def found(text: str, *kinds: str) -> list[tuple[str, str]]:
    """Kinds and the characters of what is found."""
    hits = find([text], kinds or KINDS.keys())
    return [(hit.kind, text[hit.start : hit.start + hit.length]) for hit in hits]


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("resident_id", values.resident_id),
        ("resident_id", values.old_resident_id),
        ("card", values.unionpay),
        ("credit_code", values.credit_code),
        ("plate", values.plate),
        ("passport", values.passport),
        ("mobile", values.mobile_in_groups),
        ("secret", values.secret),
    ],
)
@given(seed=SEEDS, before=SURROUNDINGS, behind=SURROUNDINGS)
@settings(deadline=None, max_examples=60)
def test_valid_values_are_found_in_any_surroundings(
    kind: str, make: object, seed: int, before: str, behind: str
) -> None:
    value = make(random.Random(seed))  # type: ignore[operator]
    if make is values.old_resident_id and value[:2] in ("34", "37") and value[-1] == values.luhn(value[:-1]):
        kind = "card"  # 15 digits that may as well be an American Express card, where no word says what they are
    assert (kind, value) in found(before + value + behind)


@given(seed=SEEDS, before=SURROUNDINGS, behind=SURROUNDINGS)
@settings(deadline=None, max_examples=60)
def test_full_width_digits_are_digits(seed: int, before: str, behind: str) -> None:
    value = values.resident_id(random.Random(seed)).translate(FULL_WIDTH)
    assert ("resident_id", value) in found(before + value + behind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请拨13812345678。", [("mobile", "13812345678")]),
        ("电话：＋８６　１３８１２３４５６７８，", [("mobile", "＋８６　１３８１２３４５６７８")]),
        ("(+86)138-1234-5678", [("mobile", "(+86)138-1234-5678")]),
        ("13812345678/13912345678", [("mobile", "13812345678"), ("mobile", "13912345678")]),
        ("座机010-62345678转801。", [("landline", "010-62345678转801")]),
        ("(0571)87654321", [("landline", "(0571)87654321")]),
        ("热线400-810-8888", [("landline", "400-810-8888")]),
        ("传真02162345678", [("landline", "02162345678")]),
        ("+44 20 7946 0958", [("phone", "+44 20 7946 0958")]),
        ("(415) 555-2671 x12", [("phone", "(415) 555-2671 x12")]),
        ("+1-415-555-2671.", [("phone", "+1-415-555-2671")]),
        ("SSN 123-45-6789.", [("ssn", "123-45-6789")]),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("GB82WEST12345698765432,", [("iban", "GB82WEST12345698765432")]),
        ("卡号6222 0212 3456 7890 128", [("card", "6222 0212 3456 7890 128")]),
        ("4111 1111 1111 1111 123", [("card", "4111 1111 1111 1111")]),
        ("邮箱zhang.san@qq.com。", [("email", "zhang.san@qq.com")]),
        ("写信给user+tag@mail.example.co.uk谢谢", [("email", "user+tag@mail.example.co.uk")]),
        ("13812345678@163.com", [("email", "13812345678@163.com")]),
        ("::138 0318 8220", [("mobile", "138 0318 8220")]),
        ("138 0318 8220::;", [("mobile", "138 0318 8220")]),
        ("fe80::1", [("ip", "fe80::1")]),
        ("来自192.168.1.20的请求", [("ip", "192.168.1.20")]),
        ("http://10.1.2.3:8080/", [("ip", "10.1.2.3")]),
        ("2001:db8:85a3::8a2e:370:7334:", [("ip", "2001:db8:85a3::8a2e:370:7334")]),
        ("[fe80::1ff:fe23:4567:890a]", [("ip", "fe80::1ff:fe23:4567:890a")]),
        ("车牌京A·12345，", [("plate", "京A·12345")]),
        ("沪AD12345", [("plate", "沪AD12345")]),
        ("粤Z1234港", [("plate", "粤Z1234港")]),
        ("护照E12345678", [("passport", "E12345678")]),
        ("passport no. X1234567 ", [("passport", "X1234567")]),
        ("往来港澳通行证C12345678。", [("permit", "C12345678")]),
        ("回乡证号码：H1234567801", [("permit", "H1234567801")]),
        ("password = 'hJ8#kQ2!pZ'", [("secret", "hJ8#kQ2!pZ")]),
        ("密码：aB3dE5fG7", [("secret", "aB3dE5fG7")]),
        ("postgres://app:s3cr3t@db/x", [("secret", "s3cr3t")]),
        ("key AKIAIOSFODNN7EXAMPLE.", [("secret", "AKIAIOSFODNN7EXAMPLE")]),
        ("住在北京市海淀区中关村大街27号1101室，", [("address", "北京市海淀区中关村大街27号1101室")]),
        ("地址：浙江省杭州市西湖区文三路90号3幢5楼 310012", [("address", "浙江省杭州市西湖区文三路90号3幢5楼 310012")]),
        ("寄到人民路12号吧", [("address", "人民路12号")]),
        (
            "at 1600 Pennsylvania Avenue NW, Washington, DC 20500.",
            [("address", "1600 Pennsylvania Avenue NW, Washington, DC 20500")],
        ),
        ("221B Baker Street, London NW1 6XE", [("address", "221B Baker Street, London NW1 6XE")]),
        ("P.O. Box 123, Springfield, IL 62701", [("address", "P.O. Box 123, Springfield, IL 62701")]),
        ("Mr. Quillfeather called", [("name", "Quillfeather")]),
        ("with Jennifer Blenkinsop.", [("name", "Jennifer Blenkinsop")]),
        ("Smith, John", [("name", "Smith, John")]),
        ("Dear Aoife,", [("name", "Aoife")]),
    ],
)
def test_spans_are_exact(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_private_keys_are_found_whole() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
    assert found(f"a\n{block}\nb") == [("secret", block)]


@pytest.mark.parametrize(
    "text",
    [
        "113812345678",  # twelve digits
        "138123456789",
        "a13812345678",
        "13812345678_1",
        "0.13812345678",
        "13812345678.5",
        "订单号13812345678",
        "order 13812345678",
        "12812345678",  # no such prefix
        "2026-11-23 16:02:26.123",
        "20261123160226",
        "1700754146123",
        "110105194912310021",  # wrong check digit
        "11010519491231002XX",
        "4111111111111112",
        "订单号 4111111111111111",
        "DE89370400440532013001",
        "XX1237040044053201300",
        "000-45-6789",
        "666-45-6789",
        "123-00-6789",
        "v1.2.3.4",
        "版本 10.2.3.4",
        "256.1.2.3",
        "1.2.3.4.5",
        "127.0.0.1 和 0.0.0.0",
        "std::vector",
        "::1",
        "16:02:26",
        "icon@2x.png",
        "@media screen",
        "a@b",
        "someone@nowhere.invalid",
        "ISBN 9787111128069",
        "password: required",
        "token = None",
        "secret: ${SECRET}",
        "8月5号",
        "地铁10号线",
        "第3号楼",
        "5号选手",
        "30 Days",
        "12 May 2026",
        "京剧A12",
        "Virginia Beach",
        "April Showers",
        "Grand Central Station",
        "高兴的是方案通过了，于是开始下一步的工作。",
        "任何时候安全第一",
    ],
)
def test_what_is_nobodys_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "姓名：张伟",
        "我叫李晓明，今年三十岁。",
        "经理王芳说，下周开会。",
        "联系人：欧阳娜娜 电话",
        "据陈志强介绍，工程已经完工。",
    ],
)
def test_chinese_names(text: str) -> None:
    assert [kind for kind, _ in found(text)] == ["name"]
    assert found(text)[0][1] in ("张伟", "李晓明", "王芳", "欧阳娜娜", "陈志强")


def test_batches_are_texts_on_their_own() -> None:
    texts = ["138", "12345678", "", "13812345678", "x" * 100, "a@b.cn", "\0", "13812345678\0x", "\ud800 13812345678 😀"]
    alone = [[hit._replace(text=0) for hit in find([text])] for text in texts]
    together = [[hit._replace(text=0) for hit in find(texts) if hit.text == number] for number in range(len(texts))]
    assert alone == together
    assert sum(map(len, alone)) == 4


@pytest.mark.parametrize(
    "character", ["1", "a", "A1", "1 ", "1-", "号", "王", "a.", ":", "::", "@", "-", "(1", "A b ", "中山路", "=key"]
)
def test_a_megabyte_in_one_line_is_quick(character: str) -> None:
    find(["warm"])
    text = character * (1_000_000 // len(character))
    began = time.process_time()
    find([text])
    assert time.process_time() - began < 10


def test_kinds_that_are_not_wanted_are_not_found() -> None:
    assert found("13812345678 a@b.cn", "email") == [("email", "a@b.cn")]
    assert find([], ["email"]) == []
