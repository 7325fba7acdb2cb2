"""Cleaning data on two processes beside one: megabytes of input a second, in turn; the same bytes come out."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.common import interleave, median_ratio, report
from benchmarks.data_runs import hashes, run
from benchmarks.data_texts import write_documents

BAR = 1.8
SAMPLE_BYTES = 10**7


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=300)
    options = parser.parse_args()
    contents: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-data-") as name:
        directory = Path(name)
        texts = directory / "texts.jsonl"
        write_documents(texts, options.megabytes * 10**6)
        size = texts.stat().st_size
        sample = directory / "sample.jsonl"
        write_documents(sample, SAMPLE_BYTES)
        run(sample, directory / "warm", 1)  # so that no round waits for loops to be compiled

        def rate(processes: int) -> float:
            workspace = directory / "workspace"
            facts = run(texts, workspace, processes)
            contents.append(hashes(Path(facts["path"])))
            shutil.rmtree(workspace)
            return size / 1e6 / float(facts["seconds"])

        figures = interleave(options.rounds, {"one": lambda _: rate(1), "two": lambda _: rate(2)})
    same = all(each == contents[0] for each in contents)
    ratio = median_ratio(figures["two"], figures["one"])
    met = report(
        "data_two_processes",
        round(ratio, 3),
        BAR,
        met=same and ratio >= BAR,
        same_bytes=same,
        megabytes_per_second={name: round(statistics.median(found), 2) for name, found in figures.items()},
        figures=figures,
        megabytes=options.megabytes,
    )
    sys.exit(not met)


if __name__ == "__main__":
    main()
