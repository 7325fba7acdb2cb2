"""Near duplicates: signatures beside datatrove's MinHash, and what is left out beside a comparison of all pairs.

Speed. The texts are real, English and Chinese. Both programs start from raw text and end with what they compare on the
disk: datatrove tidies a text, cuts it into words (with spaCy or jieba), hashes 5-grams of them and writes sorted
buckets; Danlu normalises it, makes ids and signatures over 5-grams of characters and writes keys of bands. Each run is
a process of its own on one core; loading tokenizers and machine code is left out on both sides. What is compared is
processor time. Programs take turns, and the figure is the median over the rounds of the ratio within a round.
datatrove's speed with as many hashes of as many bits as Danlu's stands beside.

Quality. Real texts of several lengths get one copy each, edited until it has a wanted similarity (`dedup_planting`).
`do: clean` cleans them with near: 0.8. True is what a comparison of the sets of 5-grams of all pairs says, as strings:
a text is to be left out if it has a Jaccard similarity of 0.8 with one before it that stays. Recall and precision are
over these. Recall of all copies planted at 0.8 stands beside, also of those planted by another measure than the
5-grams of characters, which need not be at 0.8 by these.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench_filters import read_chinese
from benchmarks.common import REPOSITORY, interleave, last_json, median_ratio, report, versions
from benchmarks.dedup_planting import EDITS, Planted, plant, similar_pairs, stretches, to_leave_out
from benchmarks.filters_text import read_documents
from benchmarks.peer import Peer

PEER = Peer("datatrove")
LANGUAGES = {"english": "eng", "chinese": "zho_Hani"}
"""As datatrove names them."""
DOCUMENTS_PER_CALL = 1000
THRESHOLD = 0.8
LENGTHS = {
    "english": {"short": 150, "medium": 800, "long": 4000},
    "chinese": {"short": 60, "medium": 300, "long": 1500},
}
"""Characters of the originals."""
WANTED = (0.7, 0.75, 0.78, 0.8, 0.82, 0.85, 0.9)
OTHER_MEASURES = {"english": ("word 5-grams", "words"), "chinese": ("words",)}
"""By which copies are planted at 0.8, too."""
COPIES = 12
"""Of each length, kind of edit and similarity."""
ATTEMPTS = 6
"""To edit a text until a copy has the wanted similarity."""
SEED = 23
ROUNDING = 0.00501
"""Of the similarity in a reason."""

BAR_RATIO = 15.0
BAR_SPEED = 12.0
"""MB/s of one core."""
BAR_RECALL, BAR_PRECISION = 0.98, 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=[*LANGUAGES], help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(run_ours(options.directory, options.worker)), flush=True)
        return
    texts = real_texts()
    met = [*measure_quality(texts), *measure_speed(texts, options.rounds)]
    sys.exit(not all(met))


def real_texts() -> dict[str, list[str]]:
    """Documents by language; nothing of them is worn down on purpose."""
    documents = read_documents()
    english = [text for part, each in documents.items() if part != "worn down" for text in each]
    return {"english": english, "chinese": read_chinese()}


def measure_speed(texts: dict[str, list[str]], rounds: int) -> list[bool]:
    """Report megabytes of UTF-8 a processor second, and the ratio to datatrove's, the lower of both languages each."""
    PEER.make()
    sizes = {language: sum(len(text.encode()) for text in each) for language, each in texts.items()}
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-dedup-") as name:
        directory = Path(name)
        for language, each in texts.items():
            (directory / f"{language}.json").write_text(json.dumps(each), encoding="utf-8")
            print(f"{language}: {len(each):,} documents, {sizes[language] / 1e6:.1f} MB", flush=True)

        def measure(number: int, *, program: str, language: str) -> float:
            facts = run_worker(directory, language) if program == "danlu" else run_peer(directory, language, program)
            runs.append({"program": program, "language": language, "round": number, **facts})
            return sizes[language] / 1e6 / float(facts["processor_seconds"])

        programs = {
            f"{program} {language}": partial(measure, program=program, language=language)
            for language in LANGUAGES
            for program in ("danlu", "default", "alike")
        }
        speeds = interleave(rounds, programs)
    ratios = {
        language: {
            mode: round(median_ratio(speeds[f"danlu {language}"], speeds[f"{mode} {language}"]), 1)
            for mode in ("default", "alike")
        }
        for language in LANGUAGES
    }
    medians = {program: round(statistics.median(each), 2) for program, each in speeds.items()}
    print(f"MB/s: {medians}; ratios: {ratios}", flush=True)
    parts = {
        language: statistics.median(
            sizes[language] / 1e6 / run["signature_seconds"]
            for run in runs
            if run["program"] == "danlu" and run["language"] == language
        )
        for language in LANGUAGES
    }
    shared: dict[str, Any] = {
        "num_documents": {language: len(each) for language, each in texts.items()},
        "num_bytes": sizes,
        "megabytes_per_processor_second": speeds,
        "medians": medians,
        "signatures_alone": {language: round(speed, 1) for language, speed in parts.items()},
        "ratios": ratios,
        "packages": versions(("numba", "numpy", "pyarrow")),
        "peer": [each for each in PEER.versions() if each.startswith(("datatrove", "spacy", "numpy", "xxhash"))],
        "runs": runs,
    }
    return [
        report("dedup_speed_over_datatrove", min(each["default"] for each in ratios.values()), BAR_RATIO, **shared),
        report(
            "dedup_megabytes_per_second",
            min(medians[f"danlu {language}"] for language in LANGUAGES),
            BAR_SPEED,
            **shared,
        ),
    ]


def run_worker(directory: Path, language: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_dedup", "--worker", language, "--directory", str(directory)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    if finished.returncode != 0:
        sys.exit(f"the worker ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def run_peer(directory: Path, language: str, mode: str) -> dict[str, Any]:
    documents = directory / f"{language}.json"
    return PEER.run("datatrove_minhash.py", documents=documents, mode=mode, language=LANGUAGES[language])


def run_ours(directory: Path, language: str) -> dict[str, Any]:
    """From raw text to keys on the disk, on one core."""
    import numpy as np

    from danlu.corpus.documents.document import Document
    from danlu.corpus.duplicates.bands import band_keys, num_bands
    from danlu.corpus.duplicates.groups import BandFiles
    from danlu.corpus.duplicates.signatures import signatures_of

    texts = json.loads((directory / f"{language}.json").read_text(encoding="utf-8"))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    bands = num_bands(THRESHOLD)
    band_keys(signatures_of([Document.of("warm 丹炉").comparable]), THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), time.process_time()
        alone = 0.0
        with BandFiles(Path(folder), "keys", bands, np.uint64) as keys:
            for first in range(0, len(texts), DOCUMENTS_PER_CALL):
                comparable = [Document.of(text).comparable for text in texts[first : first + DOCUMENTS_PER_CALL]]
                alone -= time.process_time()
                signatures = signatures_of(comparable)
                alone += time.process_time()
                found = band_keys(signatures, THRESHOLD)
                for band in range(bands):
                    keys.write(found[:, band], band)
        return {
            "processor_seconds": time.process_time() - processor,
            "wall_seconds": time.perf_counter() - wall,
            "signature_seconds": alone,
        }


def measure_quality(texts: dict[str, list[str]]) -> list[bool]:
    """Report recall and precision over both languages together."""
    tables: dict[str, Any] = {}
    totals: Counter[str] = Counter()
    for language, each in texts.items():
        planted = planted_in(each, language)
        tables[language] = judged(planted, totals)
        print(f"{language}: {json.dumps(tables[language], ensure_ascii=False)}", flush=True)
    shared: dict[str, Any] = {"threshold": THRESHOLD, "counts": dict(totals), "languages": tables}
    recall = totals["right"] / totals["true"]
    precision = totals["right"] / totals["left out"]
    return [
        report("dedup_recall", round(recall, 5), BAR_RECALL, **shared),
        report("dedup_precision", round(precision, 5), BAR_PRECISION, **shared),
    ]


def planted_in(texts: Sequence[str], language: str) -> list[Planted]:
    """Copies of stretches of the texts, each of another one."""
    planted = []
    shuffled = list(texts)
    random.Random(SEED).shuffle(shuffled)
    # Characters that print nothing would be taken out before texts are compared.
    text, end = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", "\n".join(shuffled)), 0
    ways = [("character 5-grams", wanted) for wanted in WANTED]
    ways += [(measure, THRESHOLD) for measure in OTHER_MEASURES[language]]
    for length, characters in LENGTHS[language].items():
        wishes = list(itertools.product(ways, EDITS, range(COPIES)))
        found = list(itertools.islice(stretches(text, characters, end), len(wishes)))
        originals, end = [original for original, _ in found], found[-1][1]
        for number, ((measure, wanted), kind, _) in enumerate(wishes):
            others = originals[number - 1]
            tries = (
                plant(originals[number], others, kind, length, wanted, measure, SEED + number * ATTEMPTS + attempt)
                for attempt in range(ATTEMPTS)
            )
            each = next(filter(None, tries), None)
            if each is not None:
                planted.append(each)
    return planted


def judged(planted: Sequence[Planted], totals: Counter[str]) -> dict[str, Any]:
    """What `do: clean` leaves out of originals and copies, beside what it should; counts are added to `totals`."""
    texts = list(dict.fromkeys([*(each.original for each in planted), *(each.copy for each in planted)]))
    pairs = similar_pairs(texts, THRESHOLD)
    true = to_leave_out(len(texts), pairs)
    found = left_out(texts)
    rows = {text: row for row, text in enumerate(texts)}
    wrong_pairs = sum(
        abs(pairs.get((first, row), 0) - similarity) > 0.005 for row, (first, similarity) in found.items()
    )
    totals.update({"true": len(true), "left out": len(found), "right": len(true & found.keys()), "pairs": len(pairs)})
    totals.update({"pairs named wrongly": wrong_pairs})
    of_kind: dict[str, Counter[str]] = {}
    at_threshold: dict[str, Counter[str]] = {}
    for each in planted:
        row = rows[each.copy]
        if each.measure == "character 5-grams":
            counts = of_kind.setdefault(f"{each.length}, {each.kind}", Counter())
            counts.update(true=row in true, left_out=row in found, right=row in true and row in found, planted=1)
        if each.wanted == THRESHOLD:
            counts = at_threshold.setdefault(each.measure, Counter())
            counts.update(planted=1, left_out=row in found)
    return {
        "num_texts": len(texts),
        "num_pairs": len(pairs),
        "num_true": len(true),
        "num_left_out": len(found),
        "recall": round(len(true & found.keys()) / len(true), 5),
        "precision": round(len(true & found.keys()) / len(found), 5),
        "pairs_named_wrongly": wrong_pairs,
        "planted_at_threshold": {
            measure: {**counts, "recall": round(counts["left_out"] / counts["planted"], 4)}
            for measure, counts in at_threshold.items()
        },
        "by_length_and_kind": {name: dict(counts) for name, counts in of_kind.items()},
    }


def left_out(texts: Sequence[str]) -> dict[int, tuple[int, float]]:
    """By row, the row that each repeats and the similarity, as the stage says."""
    import danlu
    from danlu.artifacts.corpus import read_documents as read_corpus
    from danlu.artifacts.dropped import read_dropped

    with tempfile.TemporaryDirectory(prefix="danlu-dedup-") as name:
        directory = Path(name)
        lines = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts)
        (directory / "texts.jsonl").write_text(lines, encoding="utf-8")
        stage = f"{{do: clean, into: corpus, from: texts.jsonl, deduplicate: {{exact: false, near: {THRESHOLD}}}}}"
        (directory / "recipe.yaml").write_text(f"name: dedup\nstages:\n  texts: {stage}\n", encoding="utf-8")
        artifact = danlu.run(directory / "recipe.yaml", directory / "workspace", listeners=[]).stages["texts"].path
        rows = {row["id"]: row["row"] for batch in read_corpus(artifact, "train") for row in batch.to_pylist()}
        found = {}
        for row in read_dropped(artifact):
            kind, _, where = row["reason"].partition(" of ")
            assert kind == "near duplicate", row["reason"]
            its_id, _, similarity = where.partition(" ")
            found[row["row"]] = (rows[its_id], float(similarity.strip("()")))
        return found


if __name__ == "__main__":
    main()
