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
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, interleave, median_ratio, report, run_recipe
from benchmarks.peer import Peer
from danlu.artifacts.examples import read_examples
from danlu.telemetry.metrics import read_metrics

RECIPE = REPOSITORY / "benchmarks" / "sft.yaml"
PEER = Peer("trl")
PEER_CONFIGURATIONS = ("fp32", "bf16", "bf16-packed")

BAR_DEFAULTS = 4.0
BAR_BF16_PACKED = 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="of each run, with the first, which is not counted")
    options = parser.parse_args()

    PEER.make()
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
            arguments = {"model": model, "data": data, "configuration": configuration, "steps": options.steps}
            facts = PEER.run("trl_sft.py", **arguments, seed=number)
            details.append({"program": f"trl {configuration}", "round": number, **facts})
            return float(facts["tokens_per_second"])

        peers = {f"trl {name}": partial(theirs, configuration=name) for name in PEER_CONFIGURATIONS}
        figures = interleave(options.rounds, {"danlu": ours, **peers})

    ratios = {name: round(median_ratio(figures["danlu"], figures[f"trl {name}"]), 2) for name in PEER_CONFIGURATIONS}
    print("danlu is faster by " + ", ".join(f"{ratio} than trl {name}" for name, ratio in ratios.items()), flush=True)
    shared: dict[str, Any] = {
        "tokens_per_second": figures,
        "ratios": ratios,
        "peer_versions": PEER.versions(),
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


def write_messages(examples: Path, target: Path) -> None:
    """The training rows of an ``examples`` artifact, as the JSONL of messages that TRL reads."""
    lines = [json.dumps({"messages": row["messages"]}, ensure_ascii=False) for row in read_examples(examples, "train")]
    target.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
