"""How a text is written, which decides the rules it is held against: words with blanks between them, or Chinese.

A word of English has some five letters, one of Chinese 1.75 characters. So a text in which half of the words are
Chinese has a quarter of its letters in Han, and from there on it is read as Chinese. Japanese, which has kana among its
Han, and other scripts are read as spaced; rules that were written for English drop them.
"""

from __future__ import annotations

from enum import Enum


class Script(Enum):
    SPACED = "spaced"
    CHINESE = "chinese"


def settings_name(name: str, script: Script) -> str:
    """What the settings of a set of rules are called."""
    return f"{name}_chinese" if script is Script.CHINESE else name
