"""How the threads of a computation wait for each other."""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Tell OpenMP that a thread with nothing to do shall sleep instead of spinning. A choice the user has made stays.

    For servers, which share the machine: llama.cpp meets its threads at a barrier hundreds of times a token, and a
    spinning thread holds a core until its time slice ends whenever another process wants one. Not for training, which
    has the machine to itself and trained 400 to 490 tokens/s spinning and 240 to 260 asleep (docs/LOG.md). OpenMP
    reads this when it is loaded, so call it before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
