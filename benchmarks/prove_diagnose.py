"""``danlu diagnose`` on runs broken on purpose, and on healthy ones: what it names, and whether it keeps quiet.

Each case of `benchmarks.diagnose.cases` is trained for seconds: small models, real text. A broken run is named right
if the gravest finding is what was broken; a healthy one is flagged if anything graver than a note is found. While the
thresholds were chosen, only the first set was looked at; the second has other models, data, seeds and doses, and some
of its runs led to changes, too; the third was judged once, after the last change. All are run by default. What cannot
be had on one machine, the times of several ranks, is made up and said so.

    python -m benchmarks.prove_diagnose --only chosen --keep /tmp/diagnose
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

# One thread each: small models gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.common import CACHE, report
from benchmarks.diagnose.case import DISTURBANCES, Case
from benchmarks.diagnose.cases import SETS

RECIPES = Path(__file__).resolve().parent / "diagnose"
STAGE = "model"
DONE = "seconds.json"
SYSTEM_SECONDS = 0.5
"""Between two records of the machine, every ten seconds elsewhere: these runs are over after less than a minute."""
IMPORTED = (
    "torch.utils.tensorboard",
    "transformers.models.qwen3.modeling_qwen3",
    "transformers.models.llama.modeling_llama",
    "transformers.models.bert.modeling_bert",
    "danlu.training.stage",
    "danlu.initializing.stage",
    "danlu.tokens.stage",
    "danlu.corpus.stage",
)
"""What runs import on their way: once here, so that forked processes need not."""
MIN_SHARE = 11 / 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SETS, help="one of the three sets")
    parser.add_argument("--cases", nargs="*", help="only these, by name")
    parser.add_argument("--keep", type=Path, help="a directory where runs are kept, and found again")
    options = parser.parse_args()
    sets = {options.only: SETS[options.only]} if options.only else SETS
    with (
        tempfile.TemporaryDirectory(prefix="danlu-diagnose-")
        if not options.keep
        else nullcontext(options.keep) as place
    ):
        directory = Path(place)
        directory.mkdir(parents=True, exist_ok=True)
        wanted = {
            name: [case for case in cases if not options.cases or case.name in options.cases]
            for name, cases in sets.items()
        }
        # All of them first: a diagnosis may start threads, and what has threads had better not fork.
        for cases in wanted.values():
            for case in cases:
                train(case, directory)
        judged = {name: [judge(case, directory) for case in cases] for name, cases in wanted.items()}
    findings: dict[str, Any] = {name: count(cases) for name, cases in judged.items()}
    together = count([case for cases in judged.values() for case in cases])
    print(json.dumps(findings), flush=True)
    met = together["flagged"] == 0 and all(
        each["right"] >= MIN_SHARE * each["broken"] for each in findings.values() if each["broken"]
    )
    if options.cases:
        return
    report(
        f"prove_diagnose_{options.only}" if options.only else "prove_diagnose",
        together["right"] / max(together["broken"], 1),
        MIN_SHARE,
        met=met,
        **findings,
        cases=judged,
    )
    sys.exit(not met)


def judge(case: Case, directory: Path) -> dict[str, Any]:
    """Diagnose a run."""
    found = diagnosed(case, directory / "workspace")
    alarms = [finding["ailment"] for finding in found["findings"] if finding["severity"] != "note"]
    right = (alarms[:1] == [case.expected]) if case.expected else not alarms
    result = {
        "case": case.name,
        "what": case.what,
        "expected": case.expected,
        "named": alarms,
        "right": right,
        "sentences": [finding["sentence"] for finding in found["findings"]],
        "consequences": [brought["ailment"] for finding in found["findings"] for brought in finding["consequences"]],
        "notes": [finding["ailment"] for finding in found["findings"] if finding["severity"] == "note"],
        "unseen": found["unseen"],
        "seconds": json.loads((directory / "workspace" / "runs" / case.name / DONE).read_text(encoding="utf-8")),
    }
    mark = "right" if right else "WRONG"
    print(f"{mark} {case.name}: {case.expected or 'healthy'} -> {', '.join(alarms) or 'healthy'}", flush=True)
    for sentence in result["sentences"]:
        print(f"      {sentence}", flush=True)
    return result


def count(cases: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many were broken and named right, healthy and flagged."""
    broken = [case for case in cases if case["expected"]]
    healthy = [case for case in cases if not case["expected"]]
    return {
        "broken": len(broken),
        "right": sum(case["right"] for case in broken),
        "healthy": len(healthy),
        "flagged": sum(not case["right"] for case in healthy),
    }


def train(case: Case, directory: Path) -> None:
    """In a forked process, so that what is disturbed in one run is whole again in the next; unless that was done."""
    workspace, started = directory / "workspace", time.perf_counter()
    if (workspace / "runs" / case.name / DONE).exists():
        return
    shutil.rmtree(workspace / "runs" / case.name, ignore_errors=True)
    overrides = [f"name={case.name}", *case.overrides]
    if case.data:
        overrides.append(case.data(directory, CACHE))
    if case.killed_after:
        process = start(case, workspace, overrides)
        while steps_made(case, workspace) < case.killed_after and os.waitpid(process, os.WNOHANG) == (0, 0):
            time.sleep(0.02)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    _, status = os.waitpid(start(case, workspace, overrides), 0)
    log = (workspace / f"{case.name}.log").read_text(encoding="utf-8", errors="replace")
    if status and "Training stopped" not in log:
        sys.exit(f"{case.name} ended with {status}:\n{log}")
    if case.made_up:
        case.made_up(metrics_of(case, workspace)[-1])
    seconds = round(time.perf_counter() - started, 1)
    (workspace / "runs" / case.name / DONE).write_text(json.dumps(seconds), encoding="utf-8")
    print(f"{case.name}: {seconds} s", flush=True)


def metrics_of(case: Case, workspace: Path) -> list[Path]:
    return sorted(workspace.glob(f"runs/{case.name}/stages/{STAGE}/*/metrics.jsonl"))


def steps_made(case: Case, workspace: Path) -> int:
    found = metrics_of(case, workspace)
    return sum('"train/loss"' in line for line in found[-1].open(encoding="utf-8")) if found else 0


def start(case: Case, workspace: Path, overrides: list[str]) -> int:
    """Its process id."""
    from danlu.cli.main import run_cli

    for module in IMPORTED:
        import_module(module)
    watch = import_module("danlu.training.health.watch")
    watch.SYSTEM_SECONDS = SYSTEM_SECONDS  # type: ignore[attr-defined]
    workspace.mkdir(parents=True, exist_ok=True)
    gc.freeze()
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.environ["DANLU_CACHE"] = str(CACHE)
        log = os.open(workspace / f"{case.name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        arguments = [part for override in overrides for part in ("--set", override)]
        with DISTURBANCES[case.disturbance]() if case.disturbance else nullcontext():
            recipe = str(RECIPES / f"{case.recipe}.yaml")
            status = run_cli(["run", recipe, "--workspace", str(workspace), "--quiet", *arguments])
    finally:
        os._exit(status)


def diagnosed(case: Case, workspace: Path) -> dict[str, Any]:
    """What the command says, in this process."""
    from danlu.monitoring.diagnosis import diagnose
    from danlu.monitoring.reading.run import find_trainings
    from danlu.settings import Workspace

    (curves,) = find_trainings(Workspace.open(workspace), case.name, STAGE)
    return diagnose(curves).to_json()


if __name__ == "__main__":
    main()
