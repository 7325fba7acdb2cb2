"""What differs between a text as it was read and as it was kept."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Any

UNITS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+|\s+|.", re.DOTALL)
"""Words, runs of white space, single characters of Chinese, single marks."""
MOST_UNITS = 4000
"""More are compared line by line, since comparing takes time with the square of their number."""


def edits_between(before: str, after: str) -> list[dict[str, Any]]:
    """Each change: ``{"at": first character in `before`, "removed", "added"}``; none where the texts are equal."""
    if before == after:
        return []
    old, new = UNITS.findall(before), UNITS.findall(after)
    if max(len(old), len(new)) > MOST_UNITS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for unit in old:
        starts.append(starts[-1] + len(unit))
    found = []
    for kind, first, end, new_first, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            removed, added = "".join(old[first:end]), "".join(new[new_first:new_end])
            found.append({"at": starts[first], "removed": removed, "added": added})
    return found
