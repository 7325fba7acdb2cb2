"""Check digits."""

from __future__ import annotations

RESIDENT_WEIGHTS = tuple(2**exponent % 11 for exponent in range(17, 0, -1))
RESIDENT_CHECKS = "10X98765432"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = tuple(3**exponent % 31 for exponent in range(17))


def resident_check(first: str) -> str:
    """The 18th character of a resident ID, from its first 17 digits (GB 11643: ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(RESIDENT_WEIGHTS, first, strict=True))
    return RESIDENT_CHECKS[total % 11]


def credit_check(first: str) -> str:
    """The 18th character of a unified social credit code, from its first 17 (GB 32100)."""
    values = map(CREDIT_ALPHABET.index, first)
    total = sum(weight * value for weight, value in zip(CREDIT_WEIGHTS, values, strict=True))
    return CREDIT_ALPHABET[-total % 31]


def luhn_check(first: str) -> str:
    """The last digit of a card's number, from those before it (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(first)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 * (value > 9)
    return str(-total % 10)


def iban_remainder(iban: str) -> int:
    """1 if the check digits of an IBAN are right (ISO 13616: ISO 7064 MOD 97-10)."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def iban_check(country: str, account: str) -> str:
    """The two check digits of an IBAN."""
    return f"{98 - iban_remainder(country + '00' + account):02}"
