"""Documents with values at known places."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peer import Peer
from benchmarks.personal import values
from benchmarks.personal.frames import CHINESE, ENGLISH, GLUE, PLAIN, RECORDS

FAKER = Peer("faker", shares_versions=False)
SLOT = re.compile(r"\{(\w+)\}")
KIND_OF = {
    "chinese_name": "name", "english_name": "name", "chinese_address": "address", "english_address": "address",
    "resident_id": "resident_id", "old_resident_id": "resident_id", "mobile": "mobile", "mobile_in_groups": "mobile",
    "unionpay": "card", "card": "card", "credit_code": "credit_code", "iban": "iban", "british_iban": "iban",
    "landline": "landline", "passport": "passport", "permit": "permit", "plate": "plate", "email": "email",
    "company_email": "email", "ipv4": "ip", "ipv6": "ip", "ssn": "ssn", "phone": "phone", "secret": "secret",
    "password": "secret",
}  # fmt: skip
"""What a slot holds -> the kind it is of."""
OWN: dict[str, Callable[[random.Random], str]] = {
    "old_resident_id": values.old_resident_id,
    "unionpay": values.unionpay,
    "credit_code": values.credit_code,
    "mobile_in_groups": values.mobile_in_groups,
    "landline": values.landline,
    "passport": values.passport,
    "permit": values.permit,
    "plate": values.plate,
    "secret": values.secret,
    "password": values.password,
}
"""Slots that Faker has nothing for."""
FULL_WIDTH_SHARE = 0.03
"""Of the values of digits, so many are written in full-width ones."""
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
IN_FULL_WIDTH = ("resident_id", "mobile", "unionpay")


@dataclass
class Document:
    """A text and what is in it."""

    text: str
    truths: list[tuple[int, int, str, str]] = field(default_factory=list)
    """Start, end, kind, and what slot it filled."""


def faker_values(count: int, seed: int) -> dict[str, list[str]]:
    """Values of Faker, by slot."""
    FAKER.make()
    made: dict[str, Any] = FAKER.run("faker_values.py", count=count, seed=seed)
    return made


def documents(count: int, seed: int, made: dict[str, list[str]], *, held_out: bool) -> list[Document]:
    """`count` documents of some twelve pieces each: frames with values, numbers that are nobody's, plain sentences.

    Every other frame, and every other value of Faker, is held out: nothing was looked at that was found there.
    """
    rng = random.Random(seed)
    values_of_part = {slot: of_slot[held_out::2] for slot, of_slot in made.items()}
    frames = [kind[held_out::2] for kind in (CHINESE, CHINESE, ENGLISH, RECORDS)]
    return [_document(rng, values_of_part, frames) for _ in range(count)]


def _document(rng: random.Random, made: dict[str, list[str]], frames: list[tuple[str, ...]]) -> Document:
    document = Document("")
    for _ in range(rng.randint(6, 18)):
        fate = rng.random()
        if fate < 0.3:
            document.text += rng.choice(PLAIN)
        elif fate < 0.5:
            document.text += rng.choice(("备注：{}", "{}", "见 {} 。", "({})", "ref {} done")).format(
                values.distractor(rng)
            )
        else:
            _fill(document, rng.choice(rng.choice(frames)), rng, made)
        document.text += rng.choice(GLUE)
    return document


def _fill(document: Document, frame: str, rng: random.Random, made: dict[str, list[str]]) -> None:
    """Add a frame with its slots filled."""
    last = 0
    for slot in SLOT.finditer(frame):
        document.text += frame[last : slot.start()].replace("{{", "{").replace("}}", "}")
        name = slot.group(1)
        value = _value(name, rng, made)
        start = len(document.text)
        document.text += value
        document.truths.append((start, start + len(value), KIND_OF[name], name))
        last = slot.end()
    document.text += frame[last:].replace("{{", "{").replace("}}", "}")


def _value(slot: str, rng: random.Random, made: dict[str, list[str]]) -> str:
    if slot == "english_name":
        middle = f"{rng.choice('ABCDEFGHJKLMNPRSTW')}. " if rng.random() < 0.15 else ""
        return f"{rng.choice(made['english_first'])} {middle}{rng.choice(made['english_last'])}"
    value = OWN[slot](rng) if slot in OWN else rng.choice(made[slot])
    if slot == "english_address":
        value = value.replace("\n", ", ")
    if slot in IN_FULL_WIDTH and rng.random() < FULL_WIDTH_SHARE:
        value = value.translate(FULL_WIDTH)
    return value
