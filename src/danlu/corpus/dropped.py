"""The rows that are left out. Nothing is ever dropped without a line in ``dropped.parquet``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from danlu.corpus.files import BadFileError
from danlu.telemetry.reporter import Reporter

TEXT_CHARACTERS = 200
"""How much of a row is kept to recognise it by."""
LOOKED_AT = 8192
"""Characters in which personal information is looked for before the rest is cut off."""
FILES_NAMED = 10
"""So many bad files are warned of by name."""
REASONS_NAMED = 10
"""So many reasons are said, of those that were asked for."""
EXACT, NEAR, SEMANTIC = "exact duplicate", "near duplicate", "semantic duplicate"
CUT_AWAY = "too little is left without what repeats others"
IN_ANOTHER = " in another artifact"
REPETITIONS = (EXACT, NEAR, SEMANTIC, CUT_AWAY, EXACT + IN_ANOTHER, NEAR + IN_ANOTHER)
SCORER = "scorer"


def left_out_record(content: Any, item_id: str, source: str, row: int, reason: str) -> dict[str, Any]:
    """A row of `danlu.artifacts.dropped.DROPPED_SCHEMA`, with more of its text than is kept.

    Args:
        content: The row as it was read, or its text.
        item_id: Of the item it would have been; empty if it came to none.
        source: URI of the file.
        row: 0-based.
        reason: Rows with the same one are counted together.
    """
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    return {"id": item_id, "source": source, "row": row, "reason": reason, "text": printable(text[:LOOKED_AT])}


def file_record(error: BadFileError) -> dict[str, Any]:
    """The same of a whole file."""
    reason = error.reason + (f" ({error.place})" if error.place else "")
    return {"id": "", "source": error.name, "row": 0, "reason": reason, "text": ""}


def beginning_of(text: str) -> str:
    """As much as is kept."""
    return printable(text[:TEXT_CHARACTERS])


def printable(text: str) -> str:
    """What cannot be written as UTF-8, which may be the very reason, as question marks."""
    return text.encode(errors="replace").decode()


def tell_of_files(errors: Sequence[BadFileError], reporter: Reporter) -> None:
    """Say which files are set aside."""
    for error in errors[:FILES_NAMED]:
        reporter.warn(f"Set aside: {error.what}")
    if len(errors) > FILES_NAMED:
        reporter.warn(f"{len(errors):,} files are set aside, all listed in dropped.parquet.")


def tell_of_rows(by_reason: Counter[str], num_read: int, unit: str, reporter: Reporter) -> None:
    """Say how many of `num_read` rows (called `unit`) are left out, and warn where that was not asked for."""
    asked = [reason for reason, _ in by_reason.most_common() if _was_asked_for(reason)]
    for reason, count in by_reason.most_common():
        tell = reporter.say if reason in asked else reporter.warn
        if reason not in asked[REASONS_NAMED:]:
            tell(f"{count:,} of {num_read:,} {unit} left out: {reason}.")
    if others := asked[REASONS_NAMED:]:
        count = sum(by_reason[reason] for reason in others)
        reporter.say(
            f"{count:,} of {num_read:,} {unit} left out: {len(others)} other reasons, listed in dropped.parquet."
        )


def _was_asked_for(reason: str) -> bool:
    """Repetitions, what a tagger says, whose reasons begin with its name and version, and what a scorer says."""
    label = reason.partition(":")[0]
    return reason in REPETITIONS or "@" in label or label.startswith(f"{SCORER}/")


def described(by_reason: Counter[str]) -> list[str]:
    """One line for each reason, the most frequent first."""
    return [f"{count:,} × {reason}" for reason, count in by_reason.most_common()]
