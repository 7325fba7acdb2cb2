"""One training in every layout: 2 and 4 processes, and every pair of data, shard, tensor, pipeline and context.

Fifty steps of a small model from scratch in float32, by ``danlu train`` as a user would call it. Every run has to read
the same number of tokens in every step, and its loss may differ from that of one process by 1e-4 at most, relatively.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import report
from benchmarks.layout_runs import (
    ONE,
    difference_of_weights,
    layouts_of,
    model_weights,
    name_of,
    prepare,
    trial,
    worst_difference,
)

TOLERANCE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layout", action="append", help="only these, for example 'data 2 x tensor 2'")
    parser.add_argument("--precision", default="fp32", help="of the passes; what is proven is fp32")
    options = parser.parse_args()
    settings = {"precision": options.precision}

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-layouts-") as scratch:
        template = prepare(Path(scratch))
        alone = trial(template, Path(scratch) / "alone", ONE, settings)
        weights = model_weights(alone.workspace)
        print(f"one process: loss {alone.losses[1]:.4f} to {alone.losses[max(alone.losses)]:.4f}", flush=True)
        otherwise = trial(
            template, Path(scratch) / "otherwise", ONE, {**settings, "batch": "{rows: 8, rows_at_once: 2}"}
        )
        rounding = worst_difference(alone.losses, otherwise.losses)
        print(f"one process, sums in another order: {rounding:.1e}", flush=True)
        for number, layout in enumerate(layouts_of(options.layout)):
            started = time.perf_counter()
            found = trial(template, Path(scratch) / str(number), layout, settings)
            row = {
                "layout": layout,
                "loss_difference": worst_difference(alone.losses, found.losses),
                "same_tokens": found.tokens == alone.tokens,
                "weight_difference": difference_of_weights(weights, model_weights(found.workspace)),
                "seconds": round(time.perf_counter() - started, 1),
            }
            rows.append(row)
            print(
                f"{name_of(layout):44} loss within {row['loss_difference']:.1e},"
                f" weights within {row['weight_difference']:.1e},"
                f" {'same' if row['same_tokens'] else 'OTHER'} tokens, {row['seconds']} s",
                flush=True,
            )
    worst = max(row["loss_difference"] for row in rows)
    same = all(row["same_tokens"] for row in rows)
    if options.layout or options.precision != "fp32":
        sys.exit(not (same and worst <= TOLERANCE))
    met = report(
        "layouts_loss_difference",
        worst,
        TOLERANCE,
        smaller_is_better=True,
        met=worst <= TOLERANCE and same,
        steps=len(alone.losses),
        rounding_on_one_process=rounding,
        alone=alone.losses,
        rows=rows,
    )
    sys.exit(not met)


if __name__ == "__main__":
    main()
