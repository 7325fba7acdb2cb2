"""``do: clean``: raw files -> kind ``examples`` (conversations) or ``corpus`` (documents)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Estimate, StageContext
from danlu.corpus.compiling import telling
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations import clean as conversations
from danlu.corpus.documents import clean as documents

VERSION = 9
PREPARES = True


def plan(config: CleanConfig, context: StageContext) -> Estimate:
    """From the size of the sources alone."""
    return documents.estimate(config, context) if config.into == "corpus" else conversations.estimate(config, context)


def run(config: CleanConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Read, deduplicate, split, write."""
    make = documents.make if config.into == "corpus" else conversations.make
    with telling(context.reporter.say):
        return make(config, context, out)
