"""Interpolated modified Kneser-Ney smoothing from its definition, with dictionaries, character by character."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

Gram = tuple[str, ...]


class SlowModel:
    """Args as `danlu.corpus.scoring.n_grams.train`; discounts are given, by length."""

    def __init__(
        self, texts: Sequence[str], longest: int, min_count: int, discounts: dict[int, tuple[float, ...]]
    ) -> None:
        self.longest = longest
        self.discounts = discounts
        self.counts = {length: Counter[Gram]() for length in range(1, longest + 1)}
        for text in texts:
            marked = [""] * (longest - 1) + list(text)
            for end in range(longest, len(marked) + 1):
                self.counts[longest][tuple(marked[end - longest : end])] += 1
        for length in range(longest - 1, 0, -1):
            for gram in self.counts[length + 1]:
                self.counts[length][gram[1:]] += 1
        self.kept: dict[int, set[Gram]] = {}
        needed: set[Gram] = set()
        for length in range(longest, 0, -1):
            grams = self.counts[length]
            self.kept[length] = {
                gram for gram, count in grams.items() if length <= 2 or count >= min_count or gram in needed
            }
            needed = {gram[1:] for gram in self.kept[length]} | {gram[:-1] for gram in self.kept[length]}
        self.following: dict[Gram, list[str]] = defaultdict(list)
        for grams in self.counts.values():
            for gram in grams:
                self.following[gram[:-1]].append(gram[-1])
        self.alphabet = set(self.following[()])

    def probability(self, character: str, context: Gram) -> float:
        length = len(context) + 1
        shorter = self.probability(character, context[1:]) if context else 1 / (len(self.alphabet) + 1)
        counts = {last: self.counts[length][(*context, last)] for last in self.following.get(context, [])}
        if not counts:
            return shorter
        total = sum(counts.values())
        taken = {
            last: self.discounts[length][min(count, 3) - 1] if (*context, last) in self.kept[length] else count
            for last, count in counts.items()
        }
        own = (counts[character] - taken[character]) / total if character in counts else 0.0
        return own + sum(taken.values()) / total * shorter

    def probabilities(self, text: str) -> list[float]:
        marked = ("",) * (self.longest - 1) + tuple(text)
        return [
            self.probability(marked[place], marked[place - self.longest + 1 : place])
            for place in range(self.longest - 1, len(marked))
        ]
