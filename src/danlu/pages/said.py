"""What a page says in two languages, of which the reader chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["english", "chinese"]


@dataclass(frozen=True)
class Said:
    """One thing, twice."""

    english: str
    chinese: str

    def in_language(self, language: Language) -> str:
        return self.chinese if language == "chinese" else self.english
