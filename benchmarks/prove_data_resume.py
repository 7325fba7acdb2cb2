"""``kill -9`` at 50 random moments of cleaning data, then run again: the same bytes, and no document lost or doubled.

The whole process group is killed, workers included, at a moment drawn uniformly over what the undisturbed run took.
Documents are counted, too: what was read is what stays and what was left out, each row once.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.common import report, usual_environment
from benchmarks.data_runs import command, hashes, run
from benchmarks.data_texts import write_documents
from benchmarks.kill_at_moment import killed_at
from danlu.artifacts.corpus import read_documents
from danlu.artifacts.splits import SPLITS

PROCESSES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="danlu-data-") as name:
        directory = Path(name)
        texts = directory / "texts.jsonl"
        write_documents(texts, options.megabytes * 10**6)
        with texts.open("rb") as file:
            num_rows = sum(1 for _ in file)
        expected = hashes(Path(run(texts, directory / "first", PROCESSES)["path"]))  # it may have had to compile
        started = time.perf_counter()
        undisturbed = Path(run(texts, directory / "undisturbed", PROCESSES)["path"])
        seconds = time.perf_counter() - started
        assert hashes(undisturbed) == expected
        print(f"undisturbed: {seconds:.1f} s, {num_rows:,} documents", flush=True)
        moments = random.Random(options.seed)
        kills: list[dict[str, Any]] = []
        while len(kills) < options.kills:
            workspace = directory / f"workspace-{len(kills)}"
            moment = moments.uniform(0, seconds)
            parts = killed(texts, workspace, moment)
            if parts is None:
                continue  # It was done before its moment came; another is drawn.
            artifact = Path(run(texts, workspace, PROCESSES)["path"])
            kill = {
                "moment_seconds": round(moment, 2),
                "parts_done": parts,
                "identical": hashes(artifact) == expected,
                "each_row_once": rows_of(artifact) == list(range(num_rows)),
            }
            kills.append(kill)
            print(f"kill {len(kills)} of {options.kills}: {kill}", flush=True)
    survived = sum(kill["identical"] and kill["each_row_once"] for kill in kills)
    met = report(
        "data_kills_survived",
        survived,
        options.kills,
        undisturbed_seconds=round(seconds, 1),
        megabytes=options.megabytes,
        num_documents=num_rows,
        kills=kills,
    )
    sys.exit(not met)


def killed(texts: Path, workspace: Path, moment: float) -> int | None:
    """How many parts were done when it was killed; None if it was done before."""
    if not killed_at(moment, command(texts, workspace, PROCESSES), usual_environment()):
        return None
    return len(list(workspace.glob("runs/data/stages/texts/**/parts/[0-9]*/notes.json")))


def rows_of(artifact: Path) -> list[int]:
    """Numbers of all rows that stay or are left out, in order."""
    found = pq.read_table(artifact / "dropped.parquet", columns=["row"]).column("row").to_pylist()
    for split in SPLITS:
        for batch in read_documents(artifact, split):
            found += batch.column("row").to_pylist()
    return sorted(found)


if __name__ == "__main__":
    main()
