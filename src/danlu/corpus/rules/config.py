"""Which rules for text quality a corpus is held against, and their thresholds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from danlu.artifacts.manifest import Strict
from danlu.corpus.rules.chinese import ChineseC4, ChineseFineWebQuality, ChineseGopherQuality, ChineseGopherRepetition
from danlu.corpus.rules.script import Script, settings_name
from danlu.corpus.rules.settings import C4, FineWebQuality, GopherQuality, GopherRepetition

SetName = Literal["gopher_repetition", "gopher_quality", "c4", "fineweb_quality"]


class RulesConfig(Strict):
    """Rules for the quality of text. Which of a pair applies is decided by what the text is."""

    sets: tuple[SetName, ...] = ("gopher_repetition", "gopher_quality", "c4", "fineweb_quality")
    """What is asked, in this order. c4 takes lines out of texts; the sets behind it see what is left."""
    chinese_from: float = Field(default=0.25, gt=0, le=1)
    """From this share of Han among its letters on, a text is held against the Chinese counterparts. Another share means
    reading the text again."""
    gopher_repetition: GopherRepetition = GopherRepetition()
    gopher_repetition_chinese: ChineseGopherRepetition = ChineseGopherRepetition()
    gopher_quality: GopherQuality = GopherQuality()
    gopher_quality_chinese: ChineseGopherQuality = ChineseGopherQuality()
    c4: C4 = C4()
    c4_chinese: ChineseC4 = ChineseC4()
    fineweb_quality: FineWebQuality = FineWebQuality()
    fineweb_quality_chinese: ChineseFineWebQuality = ChineseFineWebQuality()

    @field_validator("sets")
    @classmethod
    def _each_once(cls, sets: tuple[SetName, ...]) -> tuple[SetName, ...]:
        if len(set(sets)) < len(sets):
            raise ValueError(f"{', '.join(sets)}: each can be asked once")
        return sets

    def settings(self, name: str, script: Script) -> Any:
        """The thresholds of a set for texts of a script."""
        return getattr(self, settings_name(name, script))
