"""What scorers say of texts, see `danlu.corpus.scoring`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from danlu.corpus.dropped import SCORER
from danlu.corpus.judging import Judgement, Tag
from danlu.corpus.tagging.config import ScoreBounds
from danlu.errors import UserError

LABEL = SCORER


class ScoresJudge:
    """Scores texts.

    Args:
        bounds: By the scorer's name in the recipe.
        directories: Of the scorers, in the same order.

    Raises:
        UserError: a library is not installed, or a scorer was made by another version.
    """

    def __init__(self, bounds: Mapping[str, ScoreBounds], directories: Sequence[Path]) -> None:
        if find_spec("numba") is None:
            raise UserError("scorers needs the package numba, which is not installed.", "pip install 'danlu[data]'")
        from danlu.corpus.scoring.scorer import load_scorer

        self._bounds = bounds
        self._scorers = {name: load_scorer(path) for name, path in zip(bounds, directories, strict=True)}

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: the score of each scorer."""
        tags: dict[str, Tag] = {f"{LABEL}/{name}": scorer.score(texts) for name, scorer in self._scorers.items()}
        return Judgement(tags, reasons(tags, self._bounds), list(texts))


def reasons(tags: Mapping[str, Tag], bounds: Mapping[str, ScoreBounds]) -> list[str | None]:
    """Why texts with these tags are left out; the first scorer that says so counts."""
    found: list[str | None] = [None] * len(next(iter(tags.values())))
    for name, its_bounds in bounds.items():
        label = f"{LABEL}/{name}"
        for row, score in enumerate(tags[label]):
            if score is not None:
                found[row] = found[row] or _reason(label, float(score), its_bounds)
    return found


def _reason(label: str, score: float, bounds: ScoreBounds) -> str | None:
    if bounds.at_least is not None and score < bounds.at_least:
        return f"{label}: it scores under {bounds.at_least:g}"
    if bounds.at_most is not None and score > bounds.at_most:
        return f"{label}: it scores over {bounds.at_most:g}"
    return None
