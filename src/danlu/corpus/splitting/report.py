"""What came of the settings: rows of each side, shares wanted and reached, and what is odd about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from danlu.artifacts.splits import SPLITS
from danlu.corpus.dropped import described as reasons_of
from danlu.corpus.splitting.config import SplitConfig
from danlu.corpus.splitting.moments import written
from danlu.corpus.splitting.sides import Hashes, Integers, Sides
from danlu.errors import UserError
from danlu.telemetry.reporter import Reporter

MOST_CLASSES = 100
"""So many are listed, the largest."""
OFF_BY = 0.2
"""A share that is off by more than this much of itself is warned of ..."""
OFF_ROWS = 5
"""... if these are more rows than so many."""
NAMES = {"train": "train", "validation": "validation", "test": "the test"}


def described(config: SplitConfig) -> str:
    """What is to be held out, before anything is read."""
    if not config.holds_out:
        return "nothing"
    dates = {"validation": config.validation_from, "test": config.test_from}
    sides = [
        f"{f'what is from {dates[side]} on' if share is None else f'{share:.3g} of the rows'} for {NAMES[side]}"
        for side, share in config.wanted.items()
    ]
    return " and ".join(sides) + ("" if config.by == "content" else f", by {config.by}")


def facts_of(
    sides: Sides,
    config: SplitConfig,
    *,
    groups: Hashes | None,
    classes: Integers | None,
    class_names: Sequence[str],
    bounds: tuple[float, float] | None,
    num_together: int | None,
) -> dict[str, Any]:
    """For the artifact.

    Args:
        sides: Of each row that stays.
        config: What was asked for.
        groups: By group, of each row what all rows of its group have in common.
        classes: Stratified, of each row the number of its class.
        class_names: Of all classes.
        bounds: By time, the moments from which on rows are for validation and for the test.
        num_together: With ``keep_together``, rows that are kept with others.
    """
    on_side = [sides == side for side in range(len(SPLITS))]
    num_rows = {split: int(rows.sum()) for split, rows in zip(SPLITS, on_side, strict=True)}
    facts: dict[str, Any] = {
        "by": config.by,
        "num_rows": num_rows,
        "wanted": config.wanted,
        "reached": {side: round(num_rows[side] / len(sides), 6) for side in config.wanted},
    }
    if groups is not None:
        facts["num_groups"] = {split: len(np.unique(groups[on])) for split, on in zip(SPLITS, on_side, strict=True)}
    if bounds is not None:
        moments = dict(zip(("validation", "test"), bounds, strict=True))
        facts["from"] = {side: written(moments[side]) for side in config.wanted if np.isfinite(moments[side])}
    if classes is not None:
        facts["num_classes"] = len(class_names)
        counts = np.stack([np.bincount(classes[on], minlength=len(class_names)) for on in on_side], axis=1)
        largest = sorted(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_CLASSES].tolist())
        facts["num_by_class"] = {class_names[it]: dict(zip(SPLITS, counts[it].tolist(), strict=True)) for it in largest}
    if num_together is not None:
        facts["num_kept_together"] = num_together
    return facts


def check_splits(
    config: SplitConfig,
    facts: Mapping[str, Any],
    num_rows: Mapping[str, int],
    left_out: Counter[str],
    reporter: Reporter,
    unit: str,
) -> None:
    """See that there is something to train on, say which shares were reached, and warn of a side that came out empty.

    Args:
        config: What was asked for.
        facts: Of `facts_of`; empty if nothing is held out.
        num_rows: Rows on each side.
        left_out: Rows that were left out, by reason, for the message.
        reporter: Told of it.
        unit: What a row is called, in the singular.

    Raises:
        UserError: nothing is left to train on.
    """
    if not num_rows["train"]:
        held_out = sum(num_rows.values())
        reasons = "; ".join([*reasons_of(left_out)[:3], *([f"{held_out} held out"] if held_out else [])])
        raise UserError(
            f"No {unit} is left to train on: {reasons}.",
            f"Look at the sources, or loosen the settings that leave {unit}s out.",
        )
    if facts:
        reporter.say(_line(config, facts, num_rows, unit))
    for side, share in config.wanted.items():
        if not num_rows[side]:
            reporter.warn(f"The {side} split ({_wish(config, side)}) came out empty{_because(config, unit)}.")
        elif config.by != "content" or config.keep_together is not None:
            _check_share(config, side, share, num_rows, reporter, unit)


def _line(config: SplitConfig, facts: Mapping[str, Any], num_rows: Mapping[str, int], unit: str) -> str:
    groups = facts.get("num_groups")
    sides = [f"{num_rows['train']:,} to train on" + (f" in {groups['train']:,} groups" if groups else "")]
    for side in config.wanted:
        reached = f"{facts['reached'][side]:.2%} for {NAMES[side]} ({_wish(config, side)})"
        since = facts.get("from", {}).get(side)
        details = [f"in {groups[side]:,} groups"] if groups else [f"from {since} on"] if since else []
        sides.append(" ".join([f"{num_rows[side]:,},", reached, *details]))
    together, classes = facts.get("num_kept_together"), facts.get("num_classes")
    by = config.by if classes is None else f"{config.by} within {classes:,} classes"
    return f"Split of {sum(num_rows.values()):,} {unit}s by {by}: {'; '.join(sides)}." + (
        f" {together:,} are kept together with others like them." if together is not None else ""
    )


def _wish(config: SplitConfig, side: str) -> str:
    share = config.wanted[side]
    if share is None:
        return f"{side}_from: {config.validation_from if side == 'validation' else config.test_from}"
    return f"wanted: {share:.2%}"


def _because(config: SplitConfig, unit: str) -> str:
    if config.has_dates:
        return f": no {unit} is from that time"
    return {
        "content": f": there are too few {unit}s",
        "group": f": there are too few groups of {unit}s",
        "time": f": too many {unit}s are from one moment",
    }[config.by]


def _check_share(
    config: SplitConfig, side: str, share: float | None, num_rows: Mapping[str, int], reporter: Reporter, unit: str
) -> None:
    """Warn of a share that is far from what was wanted."""
    total = sum(num_rows.values())
    if share is None or abs(num_rows[side] - share * total) <= max(OFF_BY * share * total, OFF_ROWS):
        return
    cause = f"many {unit}s are from one moment" if config.by == "time" else "groups are of unequal size, or few"
    remedy = "" if config.by == "time" else "; another seed draws others"
    reporter.warn(f"The {side} split holds {num_rows[side] / total:.2%}, not {share:.2%}: {cause}{remedy}.")
