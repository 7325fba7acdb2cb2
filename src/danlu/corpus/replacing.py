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

    def take_counts(self) -> Counter[str]:
        """How often each text was found since this was last asked."""
        found, self._found = self._found, Counter()
        return found

    def _replace_found(self, match: re.Match[str]) -> str:
        self._found[match.group()] += 1
        return self._replacements[match.group()]


def tell_of_replacements(replacements: Mapping[str, str], found: Counter[str], reporter: Reporter) -> None:
    """Say how often each text was found, and warn of those that never were."""
    for text in replacements:
        if found[text]:
            reporter.say(f"Replaced {text!r} {found[text]:,} times.")
        else:
            reporter.warn(f"replace: {text!r} does not occur anywhere.")
