"""How evenly documents fall into classes, with a verdict in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from danlu.artifacts.splits import SPLITS
from danlu.corpus.inspecting.rows import Rows
from danlu.pages.said import Said

FEWEST_OF_A_CLASS = 20
"""Documents of the training split; from fewer a classifier learns next to nothing."""
SKEWED_RATIO = 5.0
VERY_SKEWED_RATIO = 20.0


@dataclass(frozen=True)
class Classes:
    """Of a corpus with labels."""

    counts: dict[str, dict[str, int]]
    """Documents by class, the most frequent first, and split."""
    num_without: int
    ratio: float | None
    """Documents of the most frequent class for one of the rarest, in the training split; None if it has none."""
    evenness: float
    """Entropy of the classes of the training split over that of as many equal ones: 1 is even, 0 is one class only."""
    verdict: str
    """``usable``, ``skewed``, ``very skewed`` or ``too few``."""
    sentence: Said
    """The verdict in words."""


def classes_of(rows: Rows) -> Classes | None:
    """None where nothing has a class."""
    if not rows.labels:
        return None
    table = np.zeros((len(rows.labels), len(SPLITS)), np.int64)
    labelled = rows.label >= 0
    np.add.at(table, (rows.label[labelled], rows.split[labelled]), 1)
    order = sorted(range(len(rows.labels)), key=lambda place: (-table[place].sum(), rows.labels[place]))
    counts = {rows.labels[place]: dict(zip(SPLITS, table[place].tolist(), strict=True)) for place in order}
    learnt = {name: of_splits["train"] for name, of_splits in counts.items()}
    ratio, evenness = _ratio(learnt), _evenness(learnt)
    verdict, sentence = _verdict(learnt, ratio)
    return Classes(counts, int((~labelled).sum()), ratio, evenness, verdict, sentence)


def _ratio(learnt: dict[str, int]) -> float | None:
    rarest = min(learnt.values())
    return max(learnt.values()) / rarest if rarest else None


def _evenness(learnt: dict[str, int]) -> float:
    total = sum(learnt.values())
    if len(learnt) < 2 or not total:
        return 0.0
    shares = [count / total for count in learnt.values() if count]
    return -sum(share * math.log(share) for share in shares) / math.log(len(learnt))


def _verdict(learnt: dict[str, int], ratio: float | None) -> tuple[str, Said]:
    few = [name for name, count in learnt.items() if count < FEWEST_OF_A_CLASS]
    most, least = max(learnt, key=lambda name: learnt[name]), min(learnt, key=lambda name: learnt[name])
    if len(learnt) < 2:
        return "too few", Said(
            f"There is one class only ({most}); a classifier needs two.", f"只有一个类别（{most}），分类至少需要两个。"
        )
    if few or ratio is None:
        named = ", ".join(f"{name} ({learnt[name]:,})" for name in few[:5]) + (", …" if len(few) > 5 else "")
        return "too few", Said(
            f"Too few to learn from, under {FEWEST_OF_A_CLASS} in the training split: {named}.",
            f"训练集中不足 {FEWEST_OF_A_CLASS} 条，难以学会：{named}。",
        )
    english, chinese = f"{ratio:.1f} of {most} for one of {least}", f"每 1 条 {least} 对应 {ratio:.1f} 条 {most}"
    if ratio >= VERY_SKEWED_RATIO:
        return "very skewed", Said(
            f"Very skewed, {english}: accuracy says little; weigh classes and look at macro F1.",
            f"严重失衡，{chinese}：准确率几乎不说明问题，请给类别加权并看 macro F1。",
        )
    if ratio >= SKEWED_RATIO:
        return "skewed", Said(
            f"Skewed, {english}: look at macro F1, and weigh classes if the rare one matters.",
            f"失衡，{chinese}：请看 macro F1；若少数类重要，请给类别加权。",
        )
    return "usable", Said(f"Usable as it is, {english}.", f"可以直接使用，{chinese}。")
