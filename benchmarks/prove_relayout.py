"""A training saved in one layout goes on in another: every ordered pair of six layouts.

Each layout trains twenty steps from scratch, keeping the checkpoint of step ten; from that one every other layout
trains the last ten. Their losses may differ from those of the layout that saved by 1e-5 at most, relatively; and the
weights and optimizer states that a layout reads from another's checkpoint have to be the same bits (by the test that
this calls).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, report, usual_environment
from benchmarks.layout_runs import ONE, TWO, Layout, Trial, name_of, prepare, stage_directory, trial, worst_difference

TOLERANCE = 1e-5
SAVED, LAST = 10, 20
SETTINGS = {
    "budget": f"{{steps: {LAST}}}",
    "checkpoint": f"{{every_steps: {SAVED}, keep: 1, keep_every_steps: {SAVED}}}",
}
STATES_TEST = "tests/training/parallel/test_relayout.py"


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    layouts = [ONE, *TWO]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-relayout-") as directory:
        scratch = Path(directory)
        template = prepare(scratch)
        saved = {name_of(layout): trial(template, scratch / name_of(layout), layout, SETTINGS) for layout in layouts}
        for one in layouts:
            for other in layouts:
                if one is other:
                    continue
                difference = _gone_on(template, scratch / "other", saved[name_of(one)], other)
                rows.append({"saved_by": name_of(one), "resumed_by": name_of(other), "loss_difference": difference})
                print(f"{name_of(one):12} -> {name_of(other):12} loss within {difference:.1e}", flush=True)
    states = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", STATES_TEST], cwd=REPOSITORY, env=usual_environment()
    )
    worst = max(row["loss_difference"] for row in rows)
    met = report(
        "relayout_loss_difference",
        worst,
        TOLERANCE,
        smaller_is_better=True,
        met=worst <= TOLERANCE and states.returncode == 0,
        states_are_equal=states.returncode == 0,
        rows=rows,
    )
    sys.exit(not met)


def _gone_on(template: Path, workspace: Path, saved: Trial, layout: Layout) -> float:
    """How far the losses are from those of the layout that saved, when another goes on from its checkpoint."""
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(template, workspace)
    kept = stage_directory(saved.workspace) / "kept" / f"step-{SAVED}"
    target = workspace / stage_directory(saved.workspace).relative_to(saved.workspace)
    shutil.copytree(kept, target / "kept" / kept.name)
    found = trial(template, workspace, layout, SETTINGS)
    expected = {step: loss for step, loss in saved.losses.items() if step > SAVED}
    return worst_difference(expected, found.losses)


if __name__ == "__main__":
    main()
