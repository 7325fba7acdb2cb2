"""What is written in the place of values: placeholders, hashes, stand-ins; and the audit log."""

from __future__ import annotations

import json
import random

import pytest
from benchmarks.personal import values
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from danlu.corpus.personal.audit import AUDIT_SCHEMA
from danlu.corpus.personal.config import KindName, PersonalConfig
from danlu.corpus.personal.finding import find
from danlu.corpus.personal.keys import VARIABLE, Key
from danlu.corpus.personal.table import KINDS
from danlu.corpus.personal.treating import treat
from danlu.errors import UserError

KEY = Key(b"a key only for these tests")
OTHER_KEY = Key(b"another key for these tests")
PIECES = (
    "张伟", "李晓明", "王芳说", "北京市海淀区中关村大街27号", "人民路5号3单元", "13812345678", "a@b.cn",
    "11010519491231002X", "010-62345678", "4111 1111 1111 1111", "192.168.1.20", "京A12345", "E12345678",
    "DE89370400440532013000", "123-45-6789", "John Smith", "Mr. Blenk", "12 Main Street", "password=hJ8kQ2pZ", "的",
    "，", " ", "\n", "-", "订单号", "电话", "和", ":", "(", ")", "1", "A", "号", "于", "陈", "马上",
)  # fmt: skip


def one(text: str, config: PersonalConfig, key: Key | None = KEY) -> str:
    return treat([text], ["d"], config, key).texts[0]


def test_masks_in_both_languages() -> None:
    text = "电话13812345678，邮箱a@b.cn"
    assert one(text, PersonalConfig()) == "电话<手机号>，邮箱<邮箱>"
    assert one(text, PersonalConfig(language="english")) == "电话[MOBILE]，邮箱[EMAIL]"
    config = PersonalConfig(kinds={"email": "keep"}, placeholders={"mobile": "***"})
    assert one(text, config) == "电话***，邮箱a@b.cn"


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.sampled_from(["chinese", "english"]))
@settings(deadline=None, max_examples=300)
def test_masking_and_hashing_twice_change_nothing(text: str, language: str) -> None:
    for treatment in ("mask", "hash"):
        config = PersonalConfig(treatment=treatment, language=language)  # type: ignore[arg-type]
        once = one(text, config)
        assert one(once, config) == once


def test_hashes_tell_equal_values_whatever_way_they_are_written() -> None:
    config = PersonalConfig(treatment="hash")
    first, second, third = one("13812345678 +86 138-1234-5678 13912345678", config).split(">")[:3]
    assert first.strip() == second.strip() != third.strip()
    assert one("13812345678", config) != one("13812345678", config, OTHER_KEY)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("resident_id", "11010519491231002X"),
        ("resident_id", "110105 19491231 002X"),
        ("resident_id", "110105491231002"),
        ("card", "4111-1111-1111-1111"),
        ("credit_code", "91110000802100433B"),
        ("mobile", "+86 138-1234-5678"),
        ("landline", "010-62345678转801"),
        ("landline", "400-810-8888"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "(415) 555-2671"),
        ("passport", "E12345678"),
        ("plate", "京A·12345"),
        ("email", "someone@mail.com"),
        ("ip", "192.168.1.20"),
        ("ip", "2001:db8:85a3::8a2e:370:7334"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("ssn", "123-45-6789"),
        ("secret", "AKIAIOSFODNN7EXAMPLE"),
    ],
)
def test_stand_ins_keep_the_form_and_are_nobodys(kind: str, value: str) -> None:
    config = PersonalConfig(treatment="pseudonym")
    stand_in = one(value, config)
    assert stand_in != value
    if kind not in ("email", "ip", "secret"):
        shape = ["0" if c.isdigit() else c for c in value]
        made = ["0" if c.isdigit() else c for c in stand_in]
        assert len(made) == len(shape)
        assert [c for c in made if c in " -·()+转"] == [c for c in shape if c in " -·()+转"]
    assert find([stand_in], [kind]) == []
    assert one(stand_in, config) == stand_in


def test_check_digits_of_stand_ins_are_right() -> None:
    config = PersonalConfig(treatment="pseudonym")
    identity = one("11010519491231002X", config)
    assert identity[-1] == values.resident_check(identity[:-1])
    assert identity.startswith("99")
    card = one("4111111111111111", config)
    assert card[-1] == values.luhn(card[:-1])
    code = one("91110000802100433B", config)
    assert code[-1] == values.credit_check(code[:-1])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_pseudonyms_are_consistent_whatever_the_batch(order: list[int], seed: int) -> None:
    config = PersonalConfig(treatment="pseudonym")
    rng = random.Random(seed)
    originals = [values.resident_id(rng) for _ in range(6)]
    texts = [originals[index] for index in order]
    treated = treat(texts, texts, config, KEY).texts
    by_value = dict(zip(texts, treated, strict=True))
    assert all(by_value[text] == one(text, config) for text in texts)
    assert len(set(by_value.values())) == len(by_value)


def test_names_and_addresses_have_plausible_stand_ins() -> None:
    config = PersonalConfig(treatment="pseudonym")
    text = "联系人：张伟，地址：北京市海淀区中关村大街27号。联系人：张伟。"
    treated = one(text, config)
    assert "张伟" not in treated
    assert "中关村" not in treated
    name = treated.removeprefix("联系人：").partition("，")[0]
    assert len(name) == 2
    assert treated.endswith(f"联系人：{name}。")


def test_the_audit_log_holds_no_values() -> None:
    text = "张伟的电话是13812345678，邮箱a@b.cn"
    config = PersonalConfig(kinds={"email": "hash"})
    hits = treat([text, "nothing"], ["first", "second"], config, KEY).hits
    assert hits.schema == AUDIT_SCHEMA
    rows = hits.to_pylist()
    assert [(row["kind"], row["start"], row["length"], row["treatment"]) for row in rows] == [
        ("name", 0, 2, "mask"),
        ("mobile", 6, 11, "mask"),
        ("email", 20, 6, "hash"),
    ]
    assert {row["document"] for row in rows} == {"first"}
    written = json.dumps(rows, ensure_ascii=False)
    assert not any(secret in written for secret in ("张伟", "13812345678", "a@b.cn"))
    assert len({row["value"] for row in rows}) == 3
    assert treat([text], ["first"], PersonalConfig()).hits.column("value").null_count == 3


def test_spans_in_the_log_are_of_the_original() -> None:
    texts = ["😀电话１３８１２３４５６７８", "\ud800 a@b.cn"]
    for row in treat(texts, ["0", "1"], PersonalConfig(), KEY).hits.to_pylist():
        value = texts[int(row["document"])][row["start"] : row["start"] + row["length"]]
        assert value in ("１３８１２３４５６７８", "a@b.cn")


def test_the_key_is_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct horse battery staple"
    monkeypatch.setenv(VARIABLE, secret)
    key = Key.from_environment()
    assert key is not None
    assert secret not in repr(key) + str(key)
    monkeypatch.delenv(VARIABLE)
    assert Key.from_environment() is None
    with pytest.raises(UserError, match="has 5 bytes"):
        Key(b"short")


def test_hashes_and_pseudonyms_need_a_key() -> None:
    with pytest.raises(UserError, match="need a key"):
        treat(["x"], ["0"], PersonalConfig(kinds={"name": "pseudonym"}))
    assert treat([], [], PersonalConfig()).texts == []


def test_settings_name_the_kinds_of_the_table() -> None:
    assert set(KindName.__args__) == set(KINDS)  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="Did you mean 'mobile'"):
        PersonalConfig(kinds={"mobil": "mask"})
