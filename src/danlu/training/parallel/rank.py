"""One rank: a process that takes part in a training stage (see `danlu.training.parallel.forge`)."""

from __future__ import annotations

import os
import traceback
from contextlib import suppress
from pathlib import Path

from danlu.artifacts.signals import stopped_by_signals
from danlu.artifacts.stop import Stop
from danlu.errors import Stopped, UserError
from danlu.telemetry.reporter import Reporter
from danlu.training.parallel.job import Job
from danlu.training.parallel.notes import Heart, replace_json
from danlu.training.parallel.relay import Teller
from danlu.training.parallel.taking_part import take_part


def import_what_it_needs(path: Path) -> None:
    """All that takes time to import; nothing is computed, so that ranks may be forked afterwards."""
    from transformers import AutoModelForCausalLM

    from danlu.models.load import read_config
    from danlu.models.probe import config_from
    from danlu.training.parallel import taking_apart  # noqa: F401

    (model,) = Job.read(path).context(Reporter([]), Stop()).inputs["model"]
    config = config_from(read_config(model.path))
    with suppress(KeyError):
        AutoModelForCausalLM._model_mapping[type(config)]  # imports its definition


def take_part_in(path: Path, rank: int, size: int, attempt: int) -> int:
    """Take part in the job of a file.

    Returns:
        0 if it was done, stopped as asked, or given up because of a user's mistake, of which it left a note; else 1.
    """
    from torch._C._distributed_c10d import FileStore

    job = Job.read(path)
    os.environ["LOCAL_RANK"] = str(rank)
    with Heart(job.folder, rank, attempt) as heart:
        try:
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
