"""Which side of the split a conversation is on: a function of its content and the seed, and of nothing else."""

from __future__ import annotations

import hashlib

from danlu.artifacts.examples import SPLITS
from danlu.corpus.config import SplitConfig
from danlu.corpus.conversation import Example


def side_of(normalised: str, config: SplitConfig) -> str:
    """``train``, ``validation`` or ``test``. Whatever other rows there are, a conversation stays on its side."""
    digest = hashlib.sha256(f"{config.seed}\n{normalised}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < config.test:
        return "test"
    return "validation" if position < config.test + config.validation else "train"


def split_examples(examples: list[Example], config: SplitConfig) -> dict[str, list[Example]]:
    """The examples of each split, in order."""
    sides: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for example in examples:
        sides[side_of(example.normalised, config)].append(example)
    return sides
