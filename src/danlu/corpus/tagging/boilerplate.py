"""Lines of the page taken out of texts: navigation, rights, cookies, numbers of registration, calls to share.

One core looks at 250 MB/s at the ends of texts, and anywhere at 80 to 90 MB/s of web pages and news, 10 of mails and
lists, whose lines are short.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from danlu.corpus.judging import Judgement, Tag
from danlu.corpus.tagging.config import BoilerplateConfig
from danlu.corpus.tagging.furniture import is_furniture

LABEL = "boilerplate@1"


class BoilerplateJudge:
    """Takes lines out of texts.

    Args:
        config: From where, and how many are too many.
    """

    def __init__(self, config: BoilerplateConfig) -> None:
        self._config = config

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: the number of lines that are taken out, and their share in the lines that are not empty. A text of
        nothing else becomes empty."""
        counts, shares = np.zeros(len(texts)), np.zeros(len(texts))
        edited = []
        for row, text in enumerate(texts):
            lines = text.split("\n")
            gone = furniture_at_ends(lines) if self._config.where == "ends" else all_furniture(lines)
            counts[row] = len(gone)
            shares[row] = len(gone) / max(1, sum(not line.isspace() and line != "" for line in lines))
            edited.append(without(lines, gone) if gone else text)
        tags: dict[str, Tag] = {f"{LABEL}/num_lines": counts, f"{LABEL}/line_share": shares}
        return Judgement(tags, reasons(tags, self._config), edited)


def reasons(tags: dict[str, Tag], config: BoilerplateConfig) -> list[str | None]:
    """Why texts with these tags are left out."""
    highest = config.max_share
    reason = f"{LABEL}: more than {highest:g} of its lines are of the page" if highest is not None else None
    return [
        reason if highest is not None and float(share or 0) > highest else None for share in tags[f"{LABEL}/line_share"]
    ]


def furniture_at_ends(lines: Sequence[str]) -> set[int]:
    """Lines of the page before the first and behind the last line of the text."""
    gone: set[int] = set()
    for places in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        for place in places:
            line = lines[place].strip()
            if place in gone or (line and not is_furniture(line)):
                break
            if line:
                gone.add(place)
    return gone


def all_furniture(lines: Sequence[str]) -> set[int]:
    """Lines of the page, wherever they are."""
    return {place for place, line in enumerate(lines) if is_furniture(line.strip())}


def without(lines: Sequence[str], gone: set[int]) -> str:
    """The other lines. Where one is taken out, empty lines before and behind it do not add up."""
    kept: list[str] = []
    closes_gap = False
    for place, line in enumerate(lines):
        if place in gone:
            closes_gap = True
        elif line.strip():
            kept.append(line)
            closes_gap = False
        elif not closes_gap or (kept and kept[-1].strip()):
            kept.append(line)
    return "\n".join(kept).strip()
