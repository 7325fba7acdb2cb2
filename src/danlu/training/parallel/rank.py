"""One rank: a process that takes part in a training stage. Started as ``python -m danlu.training.parallel.rank JOB``,
with RANK, WORLD_SIZE and LOCAL_RANK in its environment."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Take part in the job of a file.

    Returns:
        0 if it was done, stopped as asked, or given up because of a user's mistake, of which it left a note; else 1.
    """
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # on one machine, ranks listen on the loopback only
    from danlu.artifacts.signals import stopped_by_signals
    from danlu.errors import Stopped, UserError
    from danlu.hardware.machine import num_usable_cores
    from danlu.telemetry.allocator import ask_for_huge_pages, limit_arenas
    from danlu.telemetry.reporter import Reporter
    from danlu.training.parallel.job import Job
    from danlu.training.parallel.notes import Heart, replace_json
    from danlu.training.parallel.relay import Teller

    job = Job.read(Path(arguments[0]))
    rank, size, attempt = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "DANLU_ATTEMPT"))
    ask_for_huge_pages()
    limit_arenas(num_usable_cores())
    with Heart(job.folder, rank, attempt) as heart:
        try:
            from torch._C._distributed_c10d import FileStore

            from danlu.training.parallel.taking_part import take_part

            reporter = Reporter([Teller(job.folder / "said.jsonl")] if rank == 0 else [])
            with stopped_by_signals() as stop:
                store = FileStore(str(job.folder / f"store-{attempt}"), size)
                take_part(job, job.context(reporter, stop), heart, store, size)
        except UserError as error:
            replace_json(job.folder / "problem.json", {"what": error.what, "hint": error.hint})
        except Stopped as stopped:
            if rank == 0:
                replace_json(job.folder / "stopped.json", {"how_far": stopped.how_far})
        except Exception as error:
            traceback.print_exc()
            note = {"attempt": attempt, "rank": rank, "error": f"{type(error).__name__}: {error}"}
            replace_json(job.folder / f"failed-{rank}.json", note)
            return 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # threads of torch's process groups would be waited for
