"""Time and memory of the demo, from an empty workspace: with its sources to be fetched, and with them in the cache.

The bars hold for the slower and the larger of the two. Memory is the sum of the resident memory of the command and all
its children, looked at ten times a second; pages that two processes share count twice.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common import RECIPE, last_json, report, run_command, usual_environment

QUESTION = "What is the capital of France?"
BAR_SECONDS = 360.0
BAR_BYTES = 6 * 2**30
SAMPLE_SECONDS = 0.1
REPORTED_OF_STAGES = ("seconds", "peak_memory_bytes", "predicted")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="danlu-demo-") as directory:
        cache = Path(directory) / "cache"
        runs = {name: demo(Path(directory) / name, cache) for name in ("sources_fetched", "sources_cached")}
    for name, run in runs.items():
        print(f"{name}: {run['seconds']} s, {run['peak_memory_bytes'] / 2**30:.2f} GiB", flush=True)
    peak = max(run["peak_memory_bytes"] for run in runs.values())
    seconds = max(run["seconds"] for run in runs.values())
    small = report("demo_peak_memory_bytes", peak, BAR_BYTES, smaller_is_better=True, runs=runs)
    quick = report("demo_seconds", seconds, BAR_SECONDS, smaller_is_better=True, runs=runs)
    sys.exit(not (small and quick))


def demo(workspace: Path, cache: Path) -> dict[str, Any]:
    """Run the demo once and watch it.

    Returns:
        ``seconds`` on the clock, ``peak_memory_bytes``, the seconds and memory of each stage, and the answer given.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            run_command(RECIPE, workspace, "--ask", QUESTION),
            stdin=subprocess.DEVNULL,
            stdout=output,
            env={**usual_environment(), "DANLU_CACHE": str(cache)},
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.perf_counter() - started
        if process.returncode != 0:
            sys.exit(f"The demo ended with {process.returncode}.")
        output.seek(0)
        stages = last_json(output.read())["stages"]
    return {
        "seconds": round(seconds, 1),
        "peak_memory_bytes": peak,
        "stages": {name: {key: stage[key] for key in REPORTED_OF_STAGES} for name, stage in stages.items()},
        "asked": next(stage["asked"] for stage in stages.values() if "asked" in stage),
    }


def tree_memory(pid: int) -> int:
    """Resident bytes of a process and all its descendants; those that just ended count nothing."""
    total = 0
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


if __name__ == "__main__":
    main()
