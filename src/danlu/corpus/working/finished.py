"""What a maker makes of some drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from danlu.corpus.item import Item
from danlu.corpus.judging import Tag
from danlu.corpus.working.left_out import LeftOut


@dataclass(frozen=True)
class Finished:
    """One item, or the reason why there is none, for each draft."""

    items: Sequence[Item | LeftOut]
    judged: Sequence[int] = ()
    """Places of those that were judged."""
    tags: Mapping[str, Tag] = field(default_factory=dict)
    """Of those that were judged, see `danlu.corpus.judging.Judgement`."""
