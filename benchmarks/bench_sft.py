"""Training speed beside TRL's SFTTrainer: the same model, the same rows, LoRA of rank 16 on every linear layer.

The figure is real tokens per second, padding not counted, from the end of the first step to the end of the last, so
that loading and warming up are left out. Both programs read rows of at most 512 tokens, eight to a step. Danlu packs
whole examples into rows without letting them see each other, computes in bf16 where the processor is fast at it, and
takes the loss on the assistant's turns; what TRL does is said in peers/trl_sft.py. The programs take turns, a round is
one run of each, and the figure is the median over the rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, interleave, last_json, median_ratio, report, run_recipe
from danlu.artifacts.examples import read_examples
from danlu.telemetry.metrics import read_metrics

RECIPE = REPOSITORY / "benchmarks" / "sft.yaml"
PEER_SCRIPT = REPOSITORY / "benchmarks" / "peers" / "trl_sft.py"
PEER_REQUIREMENTS = REPOSITORY / "benchmarks" / "peers" / "requirements-trl.txt"
PEER_ENVIRONMENT = REPOSITORY / ".cache" / "peers" / "trl"
PEER_CONFIGURATIONS = ("fp32", "bf16", "bf16-packed")

BAR_DEFAULTS = 4.0
BAR_BF16_PACKED = 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="of each run, with the first, which is not counted")
    options = parser.parse_args()

    make_peer_environment()
    with tempfile.TemporaryDirectory(prefix="danlu-sft-") as directory:
        workspace, data = Path(directory) / "workspace", Path(directory) / "rows.jsonl"
        stages = run_recipe(RECIPE, workspace, "--set", "tuned.budget.steps=1")["stages"]
        write_messages(Path(stages["rows"]["path"]), data)
        model = Path(stages["base"]["path"])
        details: list[dict[str, Any]] = []

        def ours(number: int) -> float:
            facts = measure_ours(workspace, steps=options.steps, seed=number)
            details.append({"program": "danlu", "round": number, **facts})
            return float(facts["tokens_per_second"])

        def theirs(number: int, *, configuration: str) -> float:
            facts = measure_trl(model, data, configuration, steps=options.steps, seed=number)
            details.append({"program": f"trl {configuration}", "round": number, **facts})
            return float(facts["tokens_per_second"])

        peers = {f"trl {name}": partial(theirs, configuration=name) for name in PEER_CONFIGURATIONS}
        figures = interleave(options.rounds, {"danlu": ours, **peers})

    ratios = {name: round(median_ratio(figures["danlu"], figures[f"trl {name}"]), 2) for name in PEER_CONFIGURATIONS}
    print("danlu is faster by " + ", ".join(f"{ratio} than trl {name}" for name, ratio in ratios.items()), flush=True)
    shared: dict[str, Any] = {
        "tokens_per_second": figures,
        "ratios": ratios,
        "peer_versions": peer_versions(),
        "runs": details,
    }
    packed_met = report("sft_speed_over_trl_bf16_packed", ratios["bf16-packed"], BAR_BF16_PACKED, **shared)
    defaults_met = report("sft_speed_over_trl_defaults", ratios["fp32"], BAR_DEFAULTS, **shared)
    sys.exit(not (packed_met and defaults_met))


def measure_ours(workspace: Path, *, steps: int, seed: int) -> dict[str, Any]:
    """Train with ``danlu run``; the stages before it are there already. Another seed is another artifact."""
    settings = ["--set", f"tuned.budget.steps={steps}", "--set", f"tuned.seed={seed}"]
    artifact = run_recipe(RECIPE, workspace, *settings)["stages"]["tuned"]["artifact"]
    counted = read_metrics(workspace / "runs" / "bench-sft" / "stages" / "tuned" / artifact / "metrics.jsonl")[1:]

    def total(name: str) -> float:
        return float(sum(step[name] for step in counted))

    return {
        "tokens_per_second": total("train/tokens") / total("train/seconds"),
        "steps": len(counted),
        "losses": [step["train/loss"] for step in counted],
    }


def measure_trl(model: Path, data: Path, configuration: str, *, steps: int, seed: int) -> dict[str, Any]:
    """Train with TRL in its own environment, without reaching for any hub."""
    arguments = {"model": model, "data": data, "configuration": configuration, "steps": steps, "seed": seed}
    command = [str(PEER_ENVIRONMENT / "bin" / "python"), str(PEER_SCRIPT)]
    command += [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    finished = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def write_messages(examples: Path, target: Path) -> None:
    """The training rows of an ``examples`` artifact, as the JSONL of messages that TRL reads."""
    lines = [json.dumps({"messages": row["messages"]}, ensure_ascii=False) for row in read_examples(examples, "train")]
    target.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def make_peer_environment() -> None:
    """TRL's own virtual environment, made once; what it shares with Danlu has the same version."""
    mark = PEER_ENVIRONMENT / "requirements.txt"
    if mark.exists() and mark.read_bytes() == PEER_REQUIREMENTS.read_bytes():
        return
    print(f"making {PEER_ENVIRONMENT.relative_to(REPOSITORY)}", flush=True)
    venv.create(PEER_ENVIRONMENT, with_pip=True, clear=True)
    lock = REPOSITORY / "requirements" / "lock.txt"
    command = [str(PEER_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "-qq", "--no-compile"]
    subprocess.run([*command, "--requirement", str(PEER_REQUIREMENTS), "--constraint", str(lock)], check=True)
    mark.write_bytes(PEER_REQUIREMENTS.read_bytes())


def peer_versions() -> list[str]:
    """Everything that is installed beside TRL, as pip lists it."""
    command = [str(PEER_ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "freeze"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


if __name__ == "__main__":
    main()
