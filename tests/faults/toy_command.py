"""``danlu`` with the toy stages, for tests that need a process of their own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

import toys

from danlu.cli.main import main
from danlu.pipeline.stages import STAGES

STAGES.update(toys.TABLE)  # type: ignore[attr-defined]
main()
