"""A command and all that it started, killed at a moment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence


def killed_at(moment: float, command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Start a command and ``kill -9`` its process group `moment` seconds later; False if it was done before."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False
