"""Values of every kind, valid by formulas written apart from the detector's, and numbers that are nobody's."""

from __future__ import annotations

import random
import string
from datetime import date, timedelta

_REGIONS = (
    "110101 120103 130102 140105 150102 210102 220103 230103 310101 320106 330106 340104 350203 360102 370102 "
    "410105 420106 430104 440305 450103 460105 500103 510107 520102 530102 540102 610113 620102 630104 640104 "
    "650102"
)
REGION_CODES = tuple(_REGIONS.split())
"""First six digits of resident IDs."""
_UNIONPAY = "621700 622202 622848 621661 622588 625094 622908 620200 623668 628288"
UNIONPAY = tuple(_UNIONPAY.split())
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
SERIAL = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
ISBN_PREFIX = "9787"


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def born(rng: random.Random, first: int = 1935, last: int = 2015) -> str:
    days = (date(last, 12, 31) - date(first, 1, 1)).days
    return (date(first, 1, 1) + timedelta(rng.randrange(days))).strftime("%Y%m%d")


def resident_id(rng: random.Random) -> str:
    """ISO 7064 MOD 11-2 as a running sum: begin with 0, double and add, and what is missing to 1 modulo 11 is last."""
    first = rng.choice(REGION_CODES) + born(rng) + digits(rng, 3)
    return first + resident_check(first)


def resident_check(first: str) -> str:
    remainder = 0
    for digit in first:
        remainder = (remainder + int(digit)) * 2 % 11
    check = (12 - remainder) % 11
    return "X" if check == 10 else str(check)


def old_resident_id(rng: random.Random) -> str:
    return rng.choice(REGION_CODES) + born(rng, 1935, 1985)[2:] + digits(rng, 3)


def luhn(first: str) -> str:
    """By trying: the last digit with which the doubled digits' own digits add up to a multiple of ten."""
    for last in string.digits:
        whole = first + last
        doubled = "".join(str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(whole)))
        if sum(map(int, doubled)) % 10 == 0:
            return last
    raise AssertionError(first)


def unionpay(rng: random.Random) -> str:
    first = rng.choice(UNIONPAY)
    first += digits(rng, rng.choice((9, 12)))
    number = first + luhn(first)
    return grouped(number, " ") if rng.random() < 0.3 else number


def grouped(number: str, separator: str) -> str:
    return separator.join(number[first : first + 4] for first in range(0, len(number), 4))


def credit_code(rng: random.Random) -> str:
    """GB 32100: weights are powers of 3 modulo 31; the check is what is missing to a multiple of 31."""
    organisation = "".join(rng.choices(CREDIT_ALPHABET, k=9))
    first = rng.choice(("91", "92", "93", "51", "52", "12")) + rng.choice(REGION_CODES) + organisation
    return first + credit_check(first)


def credit_check(first: str) -> str:
    total = 0
    for digit in reversed(first):  # Horner's scheme from the end
        total = total * 3 + CREDIT_ALPHABET.index(digit)
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def mobile_in_groups(rng: random.Random) -> str:
    number = rng.choice(("138", "139", "150", "177", "186", "199", "166", "147")) + digits(rng, 8)
    form = rng.randrange(5)
    if form == 0:
        return f"{number[:3]}-{number[3:7]}-{number[7:]}"
    if form == 1:
        return f"{number[:3]} {number[3:7]} {number[7:]}"
    return ("+86 ", "+86-", "+86")[form - 2] + number


def landline(rng: random.Random) -> str:
    area, count = rng.choice(
        (("010", 8), ("021", 8), ("020", 8), ("0755", 8), ("0571", 8), ("0931", 7), ("0551", 8), ("0851", 8))
    )
    local = rng.choice("2345678") + digits(rng, count - 1)
    return rng.choice(
        (f"{area}-{local}", f"({area}){local}", f"{area} {local}", f"{area}-{local}-{rng.randint(100, 999)}")
    )


def passport(rng: random.Random) -> str:
    return rng.choice(("E" + digits(rng, 8), "E" + rng.choice("ABCDEFGHJKLMNP") + digits(rng, 7), "G" + digits(rng, 8)))


def permit(rng: random.Random) -> str:
    return rng.choice(
        ("C" + digits(rng, 8), "W" + digits(rng, 8), "H" + digits(rng, 10), "M" + digits(rng, 8), "T" + digits(rng, 8))
    )


def plate(rng: random.Random) -> str:
    region, agency = rng.choice(PROVINCES), rng.choice("ABCDEFGHJK")
    if rng.random() < 0.4:
        serial = rng.choice("DF") + rng.choice(SERIAL) + digits(rng, 4)
    else:
        serial = digits(rng, 3) + "".join(rng.sample(digits(rng, 1) + rng.choice(SERIAL), 2))
    return region + agency + rng.choice(("", "", "·")) + serial


def secret(rng: random.Random) -> str:
    mixed = string.ascii_letters + string.digits

    def some(count: int, alphabet: str = mixed) -> str:
        return "".join(rng.choices(alphabet, k=count))

    return rng.choice(
        (
            "AKIA" + some(16, string.ascii_uppercase + string.digits),
            "ghp_" + some(36),
            "sk-" + some(48),
            "hf_" + some(34),
            "LTAI" + some(20),
            "AIza" + some(35),
            "glpat-" + some(20),
            "xoxb-" + some(12, string.digits) + "-" + some(24),
            "sk_live_" + some(24),
            "npm_" + some(36),
        )
    )


def password(rng: random.Random) -> str:
    """Random enough: letters of both cases, digits, sometimes a sign."""
    body = [rng.choice(string.ascii_lowercase), rng.choice(string.ascii_uppercase), rng.choice(string.digits)]
    body += rng.choices(string.ascii_letters + string.digits, k=rng.randint(6, 14))
    rng.shuffle(body)
    return "".join(body)


def distractor(rng: random.Random) -> str:
    """A number or code with what it is called, that is nobody's."""
    wrong_id = resident_id(rng)
    wrong_id = wrong_id[:-1] + rng.choice([c for c in "0123456789X" if c != wrong_id[-1]])
    card = rng.choice(UNIONPAY) + digits(rng, 12)
    wrong_card = card + str((int(luhn(card)) + rng.randint(1, 9)) % 10)
    code = credit_code(rng)
    wrong_code = code[:-1] + rng.choice([c for c in CREDIT_ALPHABET if c != code[-1]])
    stamp = f"{rng.randint(2001, 2026)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    clock = f"{rng.randint(0, 23):02}{rng.randint(0, 59):02}{rng.randint(0, 59):02}"
    return rng.choice(
        (
            f"订单号：{digits(rng, rng.randint(10, 20))}",
            f"order {digits(rng, rng.randint(9, 19))}",
            f"运单号 {digits(rng, rng.randint(12, 15))}",
            f"流水号:{stamp}{digits(rng, rng.choice((6, 8, 10)))}",
            f"tracking number {digits(rng, 12)}",
            f"{stamp}{clock}",
            f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}.{digits(rng, 3)}",
            f"17{digits(rng, 8)}",
            f"17{digits(rng, 11)}",
            f"v{rng.randint(1, 20)}.{rng.randint(0, 30)}.{rng.randint(0, 300)}.{rng.randint(0, 90)}",
            f"版本 {rng.randint(1, 20)}.{rng.randint(0, 30)}.{rng.randint(0, 200)}.{rng.randint(0, 90)}",
            f"ISBN {ISBN_PREFIX}{digits(rng, 9)}",
            f"ISBN 978-7-{digits(rng, 3)}-{digits(rng, 5)}-{digits(rng, 1)}",
            f"0.{digits(rng, 11)}",
            f"{digits(rng, 3)}.{digits(rng, 13)}",
            f"{rng.randint(1, 999)},{digits(rng, 3)},{digits(rng, 3)}.{digits(rng, 2)} 元",
            f"SKU-{digits(rng, 11)}",
            f"型号 {rng.choice('ABDF')}{rng.choice('XYZ')}{digits(rng, 5)}-{digits(rng, 2)}",
            f"{rng.choice('ABDF')}{rng.choice('KLM')}-{digits(rng, 4)}-{digits(rng, 4)}",
            f"序列号 {digits(rng, 16)}",
            f"IMEI {digits(rng, 15)}",
            f"批号{stamp}{digits(rng, 3)}",
            wrong_id,
            wrong_card,
            wrong_code,
            digits(rng, rng.choice((9, 10, 12, 13))),
            f"第{rng.randint(1, 40)}号文件",
            f"{rng.randint(1, 12)}月{rng.randint(1, 28)}号",
            f"{rng.randint(2, 19)}号线",
            f"sha1 {''.join(rng.choices('0123456789abcdef', k=40))}",
            f"{rng.randint(1, 90)} People",
            f"{rng.randint(1, 31)} {rng.choice(('May', 'June', 'March'))} {rng.randint(1990, 2026)}",
            f"@{rng.choice(('media', 'import', 'param'))} screen",
            f"password: {rng.choice(('required', 'changeme', 'your-password', 'None', '********'))}",
        )
    )
