"""The main text of pages beside trafilatura's: how good it is on a labelled set, and how fast, on one core.

The set is benchmarks/pages: 64 pages in English and Chinese, half each, with their main text beside them; see its
README. Danlu's rules were tuned on `tuned_on` alone. Quality is the F1 of the bag of tokens of the outcome against
that of the main text, a word of Latin letters or a single Chinese character each, as the mean over pages. Each run is
a process of its own that has seen none of the pages, binds itself to one core, and goes through all of them once from
their bytes; what is compared is processor time, since it does not count what others take. Programs take turns, and the
figure is the median over the rounds of the ratio within a round. If F1 is worse, the bar of speed is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, interleave, last_json, median_ratio, report, versions
from benchmarks.peer import Peer
from danlu.corpus.formats.html import main_text

PAGES = REPOSITORY / "benchmarks" / "pages"
SETS = ("tuned_on", "held_out")
PEER = Peer("trafilatura")
CONFIGURATIONS = ("default", "fast", "precision", "recall")
BAR = 5.0

TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
CHINESE = re.compile(r"[\u3400-\u9fff]")
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+\.)\s+", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="any folder of .html files instead: speed and agreement only")
    parser.add_argument("--worker", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(extract_ours(*options.worker)), flush=True)
        return

    PEER.make()
    pages = list_pages(options.folder)
    size = sum(page.stat().st_size for page in pages)
    print(f"{len(pages)} pages, {size / 1e6:.2f} MB", flush=True)
    with tempfile.TemporaryDirectory(prefix="danlu-html-") as name:
        directory = Path(name)
        names = directory / "pages.txt"
        names.write_text("\n".join(map(str, pages)), encoding="utf-8")

        def measure(program: str) -> float:
            facts = run(program, names, directory / f"{program}.json")
            return len(pages) / float(facts["processor_seconds"])

        programs = {name: (lambda number, name=name: measure(name)) for name in ("danlu", *CONFIGURATIONS)}
        speeds = interleave(options.rounds, programs)
        texts = {name: json.loads((directory / f"{name}.json").read_text(encoding="utf-8")) for name in programs}

    ratios = {name: round(median_ratio(speeds["danlu"], speeds[name]), 2) for name in CONFIGURATIONS}
    print("pages per second of processor time:", {name: round(statistics.median(speeds[name]), 1) for name in speeds})
    print("Danlu is faster than trafilatura", {name: f"{ratio} times" for name, ratio in ratios.items()}, flush=True)
    if options.folder:
        print_agreement(texts)
        return
    table = {name: judge(pages, outcomes) for name, outcomes in texts.items()}
    print_table(table)
    no_worse = all(table["danlu"][part] >= table["default"][part] for part in SETS)
    details: dict[str, Any] = {
        "faster_than_configurations": ratios,
        "f1": table,
        "pages_per_processor_second": speeds,
        "num_pages": len(pages),
        "num_bytes": size,
        "packages": versions(("selectolax",)),
        "peer": PEER.versions(),
    }
    met = ratios["default"] >= BAR and no_worse
    sys.exit(
        not report("html_speed_over_trafilatura", ratios["default"], BAR, met=met, f1_no_worse=no_worse, **details)
    )


def list_pages(folder: Path | None) -> list[Path]:
    if folder:
        return sorted(folder.rglob("*.htm*"))
    return [page for part in SETS for page in sorted((PAGES / part).glob("*.html"))]


def run(program: str, names: Path, texts: Path) -> dict[str, Any]:
    """One pass of Danlu, or of trafilatura in one of its configurations."""
    if program != "danlu":
        return PEER.run("trafilatura_extract.py", pages=names, configuration=program, texts=texts)
    command = [sys.executable, "-m", "benchmarks.bench_html", "--worker", str(names), str(texts)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    if finished.returncode != 0:
        sys.exit(f"danlu ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def extract_ours(names: Path, texts: Path) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pages = [Path(line).read_bytes() for line in names.read_text(encoding="utf-8").splitlines()]
    main_text("<html><body><article><p>" + "Warm words for a cold start. " * 20 + "</p></article></body></html>")
    wall, processor = time.perf_counter(), time.process_time()
    outcomes = [main_text(page) for page in pages]
    facts = {"processor_seconds": time.process_time() - processor, "wall_seconds": time.perf_counter() - wall}
    texts.write_text(json.dumps(outcomes), encoding="utf-8")
    return facts


def judge(pages: Sequence[Path], outcomes: Sequence[str]) -> dict[str, float]:
    """Mean F1 by set, by set and language, and mean precision and recall by set."""
    scores: dict[str, list[float]] = {}
    for page, outcome in zip(pages, outcomes, strict=True):
        gold = page.with_suffix(".txt").read_text(encoding="utf-8")
        language = "zh" if len(CHINESE.findall(gold)) > 0.3 * len(gold) else "en"
        precision, recall, f1 = compare(outcome, gold)
        part = page.parent.name
        for name, value in (
            (part, f1),
            (f"{part} {language}", f1),
            (f"{part} precision", precision),
            (f"{part} recall", recall),
        ):
            scores.setdefault(name, []).append(value)
    return {name: round(statistics.mean(values), 4) for name, values in sorted(scores.items())}


def compare(outcome: str, gold: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the bag of tokens. Marks of list items do not count: they are not on the page."""
    ours, theirs = (Counter(TOKEN.findall(LIST_MARK.sub("", text).lower())) for text in (outcome, gold))
    common = (ours & theirs).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / ours.total(), common / theirs.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def print_table(table: Mapping[str, Mapping[str, float]]) -> None:
    columns = list(table["danlu"])
    print(f"{'F1':12}" + "".join(f"{column:>20}" for column in columns))
    for name, row in table.items():
        print(f"{name:12}" + "".join(f"{row[column]:20.4f}" for column in columns), flush=True)


def print_agreement(texts: Mapping[str, Sequence[str]]) -> None:
    """Without gold: how much the two have in common."""
    both = [compare(ours, theirs) for ours, theirs in zip(texts["danlu"], texts["default"], strict=True)]
    shares = [statistics.mean(values) for values in zip(*both, strict=True)]
    print("of Danlu's tokens {:.3f} are in trafilatura's text, of trafilatura's {:.3f} in Danlu's".format(*shares))


if __name__ == "__main__":
    main()
