"""What a scorer is learnt from and measured on. Which documents these are is a function of their ids alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.stage import Input
from danlu.errors import UserError

HALF = 2**32


@dataclass(frozen=True)
class Texts:
    """Of one side."""

    learnt: list[str]
    held_out: list[str]
    names: str
    """Of the corpora, for people."""

    @property
    def num_characters(self) -> int:
        """To learn from."""
        return sum(map(len, self.learnt))


def read_sides(setting: str, inputs: Sequence[Input], held_out: float, sample_characters: int) -> Texts:
    """Documents of some corpora, those that are held out apart.

    Args:
        setting: That names the corpora.
        inputs: The corpora.
        held_out: Share of documents.
        sample_characters: How much to learn from, about.

    Raises:
        UserError: there is nothing on one of the two sides.
    """
    share = min(1.0, sample_characters / max(1, total(inputs, "num_characters")))
    learnt: list[str] = []
    kept_back: list[str] = []
    for each in inputs:
        for batch in read_documents(each.path, split_of(each)):
            ids, texts = batch.column("id").to_pylist(), batch.column("text")
            for row, its_id in enumerate(ids):
                # Two halves of the same hash, so that what is chosen and what is held out do not depend on each other.
                if int(its_id[8:], 16) < share * HALF:
                    side = kept_back if int(its_id[:8], 16) < held_out * HALF else learnt
                    side.append(texts[row].as_py())
    names = ", ".join(each.name for each in inputs)
    if not learnt or not kept_back:
        raise UserError(
            f"{setting}: {names} has {len(learnt) + len(kept_back):,} documents to choose from, which is too few to "
            "learn from some and measure on others.",
            "Give more documents, or set 'held_out' otherwise.",
        )
    return Texts(learnt, kept_back, names)


def split_of(data: Input) -> str:
    """The split of a corpus that is meant."""
    return data.part or "train"


def total(inputs: Sequence[Input], fact: str) -> int:
    """Of the splits that are meant, ``num_characters`` or ``num_bytes``."""
    return sum(int(each.facts[fact][split_of(each)]) for each in inputs)
