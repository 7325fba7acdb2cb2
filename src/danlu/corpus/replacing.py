"""``replace``: texts that are put in the place of others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from danlu.telemetry.reporter import Reporter


class Replacer:
    """Replaces all texts at once and counts how often each was found.

    Args:
        replacements: What is written -> what shall stand there.
    """

    def __init__(self, replacements: Mapping[str, str]) -> None:
        self._replacements = replacements
        self._found: Counter[str] = Counter()
        # Longer texts first, so that the outcome does not depend on the order they are written in.
        self._pattern = re.compile("|".join(map(re.escape, sorted(replacements, key=len, reverse=True))))

    def __call__(self, text: str) -> str:
        return self._pattern.sub(self._replace_found, text) if self._replacements else text

    def report(self, reporter: Reporter) -> None:
        """Say how often each text was found, and warn of those that never were."""
        for text in self._replacements:
            if self._found[text]:
                reporter.say(f"Replaced {text!r} {self._found[text]:,} times.")
            else:
                reporter.warn(f"replace: {text!r} does not occur anywhere.")

    def _replace_found(self, match: re.Match[str]) -> str:
        self._found[match.group()] += 1
        return self._replacements[match.group()]
