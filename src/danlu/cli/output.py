"""Where output goes. People's output and JSON results go to stdout; with ``--json`` everything else goes to stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console


def print_json(content: Any) -> None:
    """One line, so that it is the last line of output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def console_for(as_json: bool) -> Console:
    """The console for what is meant for people."""
    return Console(stderr=as_json)
