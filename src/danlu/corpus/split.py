"""Which side of the split a row is on: a function of its content and the seed, and of nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter

from danlu.corpus.config import SplitConfig
from danlu.corpus.dropped import described
from danlu.errors import UserError
from danlu.telemetry.reporter import Reporter


def side_of(normalised: str, config: SplitConfig) -> str:
    """``train``, ``validation`` or ``test``. Whatever other rows there are, a row stays on its side."""
    digest = hashlib.sha256(f"{config.seed}\n{normalised}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def check_splits(
    config: SplitConfig, num_rows: dict[str, int], left_out: Counter[str], reporter: Reporter, unit: str
) -> None:
    """See that there is something to train on, and warn of a side that was asked for and came out empty.

    Args:
        config: What was asked for.
        num_rows: Rows on each side.
        left_out: Rows that were left out, by reason, for the message.
        reporter: Told of empty sides.
        unit: What a row is called, in the singular.

    Raises:
        UserError: nothing is left to train on.
    """
    if not num_rows["train"]:
        held_out = sum(num_rows.values())
        reasons = "; ".join([*described(left_out)[:3], *([f"{held_out} held out"] if held_out else [])])
        raise UserError(
            f"No {unit} is left to train on: {reasons}.",
            f"Look at the sources, or loosen the settings that leave {unit}s out.",
        )
    for split, share in (("validation", config.validation), ("test", config.test)):
        if share and not num_rows[split]:
            reporter.warn(f"The {split} split ({share:.0%}) came out empty: there are too few {unit}s.")
