"""Copies that train apart beside data-parallel training, over slow links: loss against time and against bytes sent.

Two processes train the same model on the same rows in a network of their own, whose loopback lets through so many
megabits a second (Linux's token bucket filter); what was sent is what that interface counts. Needs Linux, ``tc``
(iproute2), and the right to make such a network, as root or in a user namespace.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import DANLU, REPOSITORY, report, usual_environment
from benchmarks.layout_runs import forget_training
from danlu.telemetry.metrics import read_metrics

RECIPE = REPOSITORY / "benchmarks" / "links.yaml"
STAGE = "tuned"
MEGABITS = (1000, 200, 50)
"""A second, of what both processes send together."""
ROUND_STEPS = 20
FEWEST_CHARACTERS = 200
"""Of a paragraph that is trained on."""
WAYS: dict[str, dict[str, Any]] = {
    "synchronous": {"parallel": {"data": 2}},
    "local SGD": {"apart": {"copies": 2, "every_steps": ROUND_STEPS, "outer_learning_rate": 1, "outer_momentum": 0}},
    "DiLoCo": {"apart": {"copies": 2, "every_steps": ROUND_STEPS}},
    "parameter server": {"apart": {"copies": 2, "every_steps": ROUND_STEPS, "asynchronous": True}},
}
BAR = 10.0
"""Synchronous training is to send at least so many times what copies apart send."""


@dataclass(frozen=True)
class Trial:
    """One training over one link."""

    way: str
    megabits_per_second: int
    seconds: float
    """Of all steps, with validations."""
    bytes_sent: int
    validation: list[tuple[int, float, float, float]]
    """Step, seconds, bytes sent (in proportion to the steps) and loss in nats."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabits", type=int, nargs="+", default=list(MEGABITS), help="a second, of each link")
    parser.add_argument("--steps", type=int, default=240)
    options = parser.parse_args()
    trials = []
    with tempfile.TemporaryDirectory(prefix="danlu-links-") as directory:
        workspace = Path(directory)
        _write_paragraphs(workspace / "paragraphs.jsonl")
        _train(workspace, "synchronous", max(options.megabits), ROUND_STEPS)  # makes what they train on
        for megabits in options.megabits:
            for way in WAYS:
                trials.append(_train(workspace, way, megabits, options.steps))
                step, seconds, _, loss = trials[-1].validation[-1]
                sent = trials[-1].bytes_sent
                print(f"{megabits:>5} Mbit/s  {way:<17} loss {loss:.4f} after {step} steps, {seconds:6.1f} s,"
                      f" {sent / 1e6:7.1f} MB sent", flush=True)  # fmt: skip
    by_way = {trial.way: trial for trial in trials if trial.megabits_per_second == options.megabits[-1]}
    most = max(trial.bytes_sent for way, trial in by_way.items() if way != "synchronous")
    ratio = by_way["synchronous"].bytes_sent / most
    sys.exit(not report("links_bytes_ratio", round(ratio, 2), BAR, trials=[trial.__dict__ for trial in trials]))


def _write_paragraphs(path: Path) -> None:
    """The project's own documentation, a paragraph a document."""
    files = [*sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    paragraphs = [each for file in files for each in file.read_text(encoding="utf-8").split("\n\n")]
    lines = [json.dumps({"text": each}, ensure_ascii=False) for each in paragraphs if len(each) > FEWEST_CHARACTERS]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _train(workspace: Path, way: str, megabits: int, num_steps: int) -> Trial:
    forget_training(workspace)
    changes = {**WAYS[way], "budget": {"steps": num_steps}}
    settings = [f"--set={STAGE}.{name}={json.dumps(value)}" for name, value in changes.items()]
    settings.append(f'--set=text.from=["file:{workspace}/paragraphs.jsonl"]')
    command = [str(DANLU), "run", str(RECIPE), "--workspace", str(workspace), "--quiet", *settings]
    counted = workspace / "bytes.txt"
    counts = "/sys/class/net/lo/statistics/tx_bytes"
    script = (
        # No room for memory that ranks share: they are to talk over the link.
        "mount -t sysfs sysfs /sys && mount -t tmpfs -o size=64k tmpfs /dev/shm && ip link set lo mtu 1500 up &&"
        f" tc qdisc add dev lo root tbf rate {megabits}mbit burst 256kb latency 2s &&"
        f" {shlex.join(command)}; status=$?; cat {counts} > {shlex.quote(str(counted))}; exit $status"
    )
    become = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    finished = subprocess.run(
        ["unshare", *become, "--net", "--mount", "sh", "-c", script],
        env=usual_environment(),
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        sys.exit(finished.stderr)
    (metrics,) = workspace.glob(f"runs/links/stages/{STAGE}/*/metrics.jsonl")
    return _trial(way, megabits, int(counted.read_text()), read_metrics(metrics))


def _trial(way: str, megabits: int, num_bytes: int, records: list[dict[str, Any]]) -> Trial:
    seconds, losses = 0.0, []
    by_step: dict[int, float] = {}
    for record in records:
        if "train/seconds" in record:
            seconds += record["train/seconds"]
            by_step[record["step"]] = seconds
        if "validation/loss" in record:
            losses.append((record["step"], record["validation/loss"]))
    last = max(by_step)
    validation = [
        (step, round(by_step[step], 3), round(num_bytes * step / last), round(loss, 5)) for step, loss in losses
    ]
    return Trial(way, megabits, round(seconds, 3), num_bytes, validation)


if __name__ == "__main__":
    main()
