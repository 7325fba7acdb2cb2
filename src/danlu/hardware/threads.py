"""How the threads of a computation wait for each other."""

from __future__ import annotations

import os


def let_waiting_threads_sleep() -> None:
    """Tell OpenMP that a thread with nothing to do shall sleep instead of spinning. A choice the user has made stays.

    torch and llama.cpp meet their threads at a barrier thousands of times a second. A spinning thread holds a core
    until its time slice ends whenever another process wants one: on two cores with one other busy process, 1,000
    trained tokens took 6 to 17 CPU seconds spinning and 4 asleep. OpenMP reads this when it is loaded, so call it
    before torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
