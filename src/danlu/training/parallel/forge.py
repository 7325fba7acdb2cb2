"""Where the ranks of this machine come from: a process that has imported all that they need, and forks them.

Imports take seconds of a core; so they are paid for once, and ranks that are started again after a fault are there at
once. Run as ``python -m danlu.training.parallel.forge JOB SIZE``. It reads the number of an attempt a line, forks so
many ranks, and writes ``{"rank", "pid"}`` for each and ``{"rank", "status"}`` when it has ended. When its input ends,
it ends the ranks, too: they do not outlive the process that asked for them.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.02


def main(arguments: list[str]) -> int:
    """Serve until the input ends."""
    job, size = Path(arguments[0]), int(arguments[1])
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # the usual one cannot be followed by a fork
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # on one machine, ranks listen on the loopback only
    from danlu.hardware.machine import num_usable_cores
    from danlu.telemetry.allocator import ask_for_huge_pages, limit_arenas

    ask_for_huge_pages()
    limit_arenas(num_usable_cores())
    from danlu.training.parallel.rank import import_what_it_needs

    import_what_it_needs(job)
    gc.freeze()  # ranks that collect garbage need neither look at what was imported nor copy its pages
    children: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if ready:
            line = sys.stdin.readline()
            if not line:
                _end(children)
                return 0
            for rank in range(size):
                children[_fork(job, rank, size, int(line))] = rank
        for pid, rank in list(children.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del children[pid]
                _say({"rank": rank, "status": os.waitstatus_to_exitcode(status)})


def _fork(job: Path, rank: int, size: int, attempt: int) -> int:
    pid = os.fork()
    if pid:
        _say({"rank": rank, "pid": pid})
        return pid
    from danlu.training.parallel.rank import take_part_in

    os.setsid()  # Ctrl-C in a terminal is for the process that asked
    log = os.open(job.parent / f"rank-{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = 1
    with suppress(Exception):
        status = take_part_in(job, rank, size, attempt)
    sys.stderr.flush()
    os._exit(status)  # threads of torch's process groups would be waited for


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


def _end(children: dict[int, int]) -> None:
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
