"""Tags texts with the held-out row that they have the most of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from danlu.corpus.decontamination.config import DecontaminateConfig
from danlu.corpus.decontamination.held_out import HeldOut, Where, held_out
from danlu.corpus.judging import Judge, Judgement, Tag
from danlu.overlap.units import blocks

LABEL = "decontamination@1"
OVERLAP, ITEM = f"{LABEL}/overlap", f"{LABEL}/item"
SIMILARITY, SIMILAR_ITEM = f"{LABEL}/similarity", f"{LABEL}/similar_item"


class DecontaminationJudge:
    """Looks for held-out rows.

    Args:
        config: How much of a row is too much.
        held_out: The rows.
    """

    def __init__(self, config: DecontaminateConfig, held_out: HeldOut) -> None:
        self._config = config
        self._held_out = held_out

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: the largest share of a row's n-grams and which row, ``PLACE#ID``, it is; if near rows are looked for,
        the largest similarity and its row."""
        overlaps, similarities = np.zeros(len(texts)), np.zeros(len(texts))
        items: list[str | None] = [None] * len(texts)
        similar: list[str | None] = [None] * len(texts)
        for first, units in blocks(texts):
            found = self._held_out.index.find(units)
            # The largest share of each text, of equal ones that of the first row.
            order = np.lexsort((found.rows, -found.shares, found.texts))
            _, firsts = np.unique(found.texts[order], return_index=True)
            for pair in order[firsts].tolist():
                text = first + int(found.texts[pair])
                overlaps[text], items[text] = found.shares[pair], self._name(int(found.rows[pair]))
            if self._held_out.fuzzy is not None:
                for text, looks in enumerate(self._held_out.fuzzy.find(units), start=first):
                    if looks:
                        row, share = max(looks, key=lambda look: (look[1], -look[0]))
                        similarities[text], similar[text] = share, self._name(row)
        tags: dict[str, Tag] = {OVERLAP: overlaps, ITEM: items}
        if self._held_out.fuzzy is not None:
            tags |= {SIMILARITY: similarities, SIMILAR_ITEM: similar}
        reasons, details = verdicts(tags, self._config)
        return Judgement(tags, reasons, list(texts), details)

    def _name(self, row: int) -> str:
        found = self._held_out.rows[row]
        return f"{found.where}#{found.id}"


def decontamination(config: DecontaminateConfig | None, places: tuple[Where, ...]) -> list[Judge]:
    """What looks for held-out rows, if that was asked for."""
    return [DecontaminationJudge(config, held_out(places, config))] if config and places else []


def verdicts(tags: Mapping[str, Tag], config: DecontaminateConfig) -> tuple[list[str | None], list[str]]:
    """Why texts with these tags are left out, and the row and how much of it they have, each or nothing."""
    looked = [(OVERLAP, ITEM, config.at_least, "holds")]
    if config.fuzzy is not None:
        looked.append((SIMILARITY, SIMILAR_ITEM, config.fuzzy, "nearly holds"))
    size = len(tags[OVERLAP])
    reasons: list[str | None] = [None] * size
    details = [""] * size
    for number, item, at_least, holds in looked:
        for text, (share, row) in enumerate(zip(tags[number], tags[item], strict=True)):
            if reasons[text] is None and row is not None and float(share or 0) >= at_least:
                where, _, row_id = str(row).rpartition("#")
                reasons[text] = f"{LABEL}: it {holds} a held-out row of {where}"
                details[text] = f" ({row_id}, {float(share or 0):.2f})"
    return reasons, details
