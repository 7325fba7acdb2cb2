"""Settings of what is stated of sources."""

from __future__ import annotations

from datetime import date

from pydantic import field_validator

from danlu.artifacts.manifest import Strict


class Rights(Strict):
    """What is stated of some sources. Nothing of it is checked: it is kept, shown and handed on."""

    licence: str | None = None
    """By its SPDX identifier, where it has one: CC-BY-4.0. `licences_allowed` compares it, capitals or not."""
    consent: str | None = None
    """Of the people who wrote it or whom it is about: what they agreed to, and where that is written down."""
    origin: str | None = None
    """Where it came from before it was a file here: a department, a web site, a publisher."""
    collected: str | None = None
    """When: 2024, 2024-05 or 2024-05-31."""

    @field_validator("collected", mode="before")
    @classmethod
    def _as_written(cls, collected: object) -> object:
        """YAML takes a year for a number and a day for a date."""
        is_whole = isinstance(collected, int) and not isinstance(collected, bool)
        return str(collected) if is_whole or isinstance(collected, date) else collected
