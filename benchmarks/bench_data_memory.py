"""Peak memory of cleaning data, all processes together, from 100 MB to 2 GB of input: it is to stay as it is.

Near duplicates are looked for, too. Memory is what ``danlu run`` measures: pages of shared memory are counted once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.common import report
from benchmarks.data_runs import run
from benchmarks.data_texts import write_documents

PROCESSES = 2
BAR = 1.10
"""The largest peak over the smallest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, nargs="*", default=[100, 400, 1000, 2000])
    options = parser.parse_args()
    peaks: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="danlu-data-") as name:
        directory = Path(name)
        for megabytes in options.megabytes:
            texts = directory / "texts.jsonl"
            write_documents(texts, megabytes * 10**6)
            facts = run(texts, directory / f"workspace-{megabytes}", PROCESSES)
            peaks[megabytes] = {
                "peak_memory_bytes": facts["peak_memory_bytes"],
                "predicted_memory_bytes": facts["predicted"]["peak_memory_bytes"],
                "seconds": facts["seconds"],
            }
            print(f"{megabytes} MB: {peaks[megabytes]}", flush=True)
    found = [peak["peak_memory_bytes"] for peak in peaks.values()]
    met = report("data_memory_growth", round(max(found) / min(found), 3), BAR, smaller_is_better=True, peaks=peaks)
    sys.exit(not met)


if __name__ == "__main__":
    main()
