"""What every measurement shares: the facts about the machine, the report, and fair comparison of two programs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from danlu.hardware.machine import num_usable_cores, processor_name

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"
RECIPE = REPOSITORY / "recipes" / "assistant.yaml"
DANLU = Path(sys.executable).with_name("danlu")
CACHE = Path(os.environ.get("DANLU_CACHE") or REPOSITORY / ".cache" / "danlu").expanduser().resolve()
"""Downloaded sources, shared by all measurements, so that none of them measures the network by accident."""
COMPILED = REPOSITORY / ".cache" / "compiled"
"""What torch's compiler made, for each program by itself, so that only its first run waits for the compiler."""

REPORTED_PACKAGES = ("torch", "transformers", "peft", "numpy", "pyarrow", "gguf", "xllamacpp", "openvino-genai")
REPORTED_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
"""Features of the processor that decide how fast matrix products are."""


def report(
    name: str, value: float, bar: float, *, smaller_is_better: bool = False, met: bool | None = None, **details: Any
) -> bool:
    """Write ``results/<name>.json`` and print the closing JSON line; return whether the bar was met.

    Args:
        name: What was measured.
        value: The figure.
        bar: What it has to reach; compared with ``>=``, or ``<=`` if `smaller_is_better`.
        met: Whether the bar was met, where the comparison of the two figures does not say it.
        details: Everything the figure was made of; kept in the file only.
    """
    if met is None:
        met = value <= bar if smaller_is_better else value >= bar
    line = {"name": name, "value": value, "bar": bar, "met": met}
    full = {
        **line,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(REPORTED_PACKAGES),
        **details,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(full, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(json.dumps(line), flush=True)
    return met


def machine() -> dict[str, Any]:
    """Processor, cores, memory (bytes) and operating system of this machine."""
    return {
        "processor": processor_name(),
        "cores": num_usable_cores(),
        "processor_flags": [flag for flag in REPORTED_CPU_FLAGS if flag in processor_flags()],
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def processor_flags() -> set[str]:
    """Feature flags as Linux names them; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    for line in lines:
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed versions by name; packages that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that is measured, marked if the working tree differs from it; empty outside a repository."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"]
    finished = subprocess.run(command, capture_output=True, text=True)
    return finished.stdout.strip() if finished.returncode == 0 else ""


def interleave(rounds: int, programs: Mapping[str, Callable[[int], float]]) -> dict[str, list[float]]:
    """Measure each program once per round, in turn, so that a machine that slows down slows all of them.

    Args:
        rounds: How often.
        programs: By name, what runs one and returns its figure; it is given the number of the round, from 1.

    Returns:
        By program, one figure per round, in order.
    """
    figures: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(1, rounds + 1):
        for name, measure in programs.items():
            figures[name].append(measure(number))
            print(f"round {number} of {rounds}: {name} {figures[name][-1]:.1f}", flush=True)
    return figures


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over the rounds of ours divided by theirs of the same round."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def run_command(recipe: Path, workspace: Path, *arguments: str) -> list[str]:
    """The command line of ``danlu run RECIPE --workspace DIR --json ...``."""
    return [str(DANLU), "run", str(recipe), "--workspace", str(workspace), "--json", *arguments]


def last_json(output: str) -> dict[str, Any]:
    """The JSON in the last line of a command's output."""
    facts: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return facts


def run_recipe(
    recipe: Path, workspace: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a recipe to its end, with sources from the shared cache.

    Args:
        recipe: Its file.
        workspace: Where it runs.
        arguments: Of the command line.
        environment: Variables besides this process's.

    Returns:
        ``{"run": ..., "stages": {name: {"artifact", "path", "seconds", "predicted", ...}}}``.
    """
    command = run_command(recipe, workspace, *arguments)
    variables = shared_cache_environment() | dict(environment or {})
    finished = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=variables)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def shared_cache_environment() -> dict[str, str]:
    """The usual environment, with the downloaded sources and the compiled code in the shared caches."""
    return {**usual_environment(), **compiler_cache("danlu"), "DANLU_CACHE": str(CACHE)}


def usual_environment() -> dict[str, str]:
    """This environment, for ours and for peers, in which Python keeps its bytecode as it does by itself.

    Without, every program compiles its libraries again, for some ten seconds.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compiler_cache(program: str) -> dict[str, str]:
    """The variable that tells torch's compiler where to keep its code, so that `program` finds it again."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(COMPILED / program)}
