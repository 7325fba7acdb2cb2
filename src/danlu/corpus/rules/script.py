"""How a text is written, which decides the rules it is held against: words with blanks between them, or Chinese.

A word of English has some five letters, one of Chinese 1.75 characters. So a text in which half of the words are
Chinese has a quarter of its letters in Han, and from there on it is read as Chinese. Japanese, which has kana among its
Han, and other scripts are read as spaced; rules that were written for English drop them.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from danlu.corpus.characters import character_table
from danlu.corpus.text_batch import TextBatch


class Script(Enum):
    SPACED = "spaced"
    CHINESE = "chinese"


def han_shares(batch: TextBatch) -> npt.NDArray[np.float64]:
    """Share of Han among the letters of each text (0 to 1); zero where kana are a tenth of the letters."""
    from danlu.corpus.rules.kernels.counting import count_scripts

    letters, han, kana = count_scripts(batch.codes, batch.starts, character_table()).T
    share = han / np.maximum(letters, 1)
    return np.where(kana * 10 >= np.maximum(letters, 1), 0.0, share)
