"""Check digits against the standards' own examples and against formulas written another way."""

from __future__ import annotations

import pytest
from benchmarks.personal import values
from hypothesis import given
from hypothesis import strategies as st

from danlu.corpus.personal.kinds.card import is_valid as card_is_valid
from danlu.corpus.personal.kinds.checksums import (
    CREDIT_ALPHABET,
    credit_check,
    iban_check,
    iban_remainder,
    luhn_check,
    resident_check,
)
from danlu.corpus.personal.kinds.credit_code import is_valid as credit_code_is_valid
from danlu.corpus.personal.kinds.iban import LENGTHS
from danlu.corpus.personal.kinds.iban import is_valid as iban_is_valid
from danlu.corpus.personal.kinds.resident_id import is_valid as resident_id_is_valid

DIGITS = "0123456789"


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=length, max_size=length)


@given(digits(17))
def test_resident_check_is_iso_7064_as_a_running_sum(first: str) -> None:
    assert resident_check(first) == values.resident_check(first)


def test_resident_check_of_the_standards_example() -> None:
    assert resident_check("11010519491231002") == "X"  # GB 11643, appendix
    assert resident_check("44052418800101001") == "4"


@given(st.text(CREDIT_ALPHABET, min_size=17, max_size=17))
def test_credit_check_is_horners_scheme(first: str) -> None:
    assert credit_check(first) == values.credit_check(first)


@given(st.text(DIGITS, min_size=11, max_size=18))
def test_luhn_is_the_digit_that_makes_the_sum_a_multiple_of_ten(first: str) -> None:
    assert luhn_check(first) == values.luhn(first)


@given(st.sampled_from(sorted(LENGTHS)), st.data())
def test_iban_check_leaves_one_by_long_division(country: str, data: st.DataObject) -> None:
    account = data.draw(st.text(DIGITS + "ABCXYZ", min_size=LENGTHS[country] - 4, max_size=LENGTHS[country] - 4))
    whole = country + iban_check(country, account) + account
    remainder = 0
    for character in whole[4:] + whole[:4]:
        for digit in str(ord(character) - 55) if character.isalpha() else character:
            remainder = (remainder * 10 + int(digit)) % 97
    assert remainder == 1 == iban_remainder(whole)
    assert iban_is_valid(whole)


@pytest.mark.parametrize(
    "iban",
    [
        "GB82WEST12345698765432",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ],
)
def test_ibans_of_the_registry(iban: str) -> None:
    assert iban_is_valid(iban)
    assert not iban_is_valid(iban[:-1] + ("1" if iban[-1] != "1" else "2"))
    assert not iban_is_valid(iban + "0")


@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
    ],
)
def test_cards_for_testing(card: str) -> None:
    assert card_is_valid(card)
    assert not card_is_valid(card[:-1] + str((int(card[-1]) + 1) % 10))


def test_cards_of_no_issuer() -> None:
    assert not card_is_valid("0" * 16)
    assert not card_is_valid("9999990000000000")
    assert not card_is_valid("1234567812345670")  # right by Luhn


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("11010519491231002X", True),
        ("110105194912310021", False),  # check digit
        ("990105194912310024", False),  # region
        ("11010519490231002X", False),  # 31 February
        ("110105209912310020", False),  # not born yet
    ],
)
def test_resident_ids(value: str, valid: bool) -> None:
    assert resident_id_is_valid(value) is valid


def test_credit_codes() -> None:
    assert credit_code_is_valid("91110000802100433B")  # of a listed company
    assert not credit_code_is_valid("91110000802100433C")
    assert not credit_code_is_valid("91990000802100433B")
