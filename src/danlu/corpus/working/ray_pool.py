"""Parts worked on by a Ray cluster: the same function on the same parts as in `danlu.corpus.working.pool`.

Parts go out as Ray tasks, not through Ray Data: they are divided already, and what comes of one is a directory, so that
nothing but the task itself goes through the cluster's memory, and a killed run goes on from the parts that are there.
Sources and the workspace must lie where all nodes see them under the same path; each task looks before it begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from danlu.corpus.personal.keys import VARIABLE, Key
from danlu.corpus.working.pool import Doing
from danlu.corpus.working.work import Task, work
from danlu.errors import UserError

SEEN_BY_ALL = "Put the workspace and the sources on a file system that all nodes mount at the same path."


def worked_on_ray(tasks: Sequence[Task], num_processes: int | None) -> Doing[Task]:
    """Have all tasks done; each is given back when it is, in any order. Closed early, those begun are finished.

    The cluster is that of RAY_ADDRESS, or the one the process is connected to; else one is started on this machine,
    which listens on the loopback only, and is stopped at the end.

    Args:
        tasks: What is to be done.
        num_processes: As many as work at the same time, at most; None for as many as the cluster has cores.

    Raises:
        UserError: Ray is not installed, or a node does not see what it needs.
    """
    if not tasks:
        return
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray, num_processes)
    try:
        yield from _all(ray, tasks, num_processes or max(1, int(ray.cluster_resources().get("CPU", 1))))
    finally:
        if is_ours:
            ray.shutdown()


def _all(ray: Any, tasks: Sequence[Task], at_once: int) -> Iterator[Task]:
    remote = ray.remote(num_cpus=1)(work_where_seen)
    running: dict[Any, Task] = {}
    waiting = iter(tasks)
    mark = _key_mark()
    try:
        while True:
            while len(running) < at_once and (task := next(waiting, None)) is not None:
                running[remote.remote(task, mark)] = task
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                task = running.pop(reference)
                _result(ray, reference)
                yield task
    finally:
        if running:
            ray.wait(list(running), num_returns=len(running))


def work_where_seen(task: Task, key_mark: str | None) -> None:
    """Work on a part, if this node sees what it needs.

    Raises:
        UserError: it does not.
    """
    folder = task.directory.parent
    needed = [folder / "division", *(piece.file.path for piece in task.part.pieces)]
    needed += [each.path for inputs in task.inputs.values() for each in inputs]
    for path in needed:
        if not path.exists():
            raise UserError(f"The node {os.uname().nodename} of the Ray cluster does not see {path}.", SEEN_BY_ALL)
    if task.config.personal is not None and _key_mark() != key_mark:
        raise UserError(
            f"The node {os.uname().nodename} of the Ray cluster has another {VARIABLE} than this process, or none.",
            "Start all nodes with the same one in their environment: what is written must not depend on the node.",
        )
    work(task)


def _key_mark() -> str | None:
    """Tells one key from another without telling it."""
    key = Key.from_environment()
    return key.hash_of("", "") if key else None


def _result(ray: Any, reference: Any) -> None:
    try:
        ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise UserError(
            f"A part was lost on the Ray cluster: {str(error).splitlines()[0]}",
            "Give the same command again: parts that are done are kept.",
        ) from error


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "run_on: ray needs the package ray, which is not installed.", "Install it with: pip install 'danlu[ray]'"
        ) from error
    return ray


def _start(ray: Any, num_processes: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
    if os.environ.get("RAY_ADDRESS"):
        try:
            ray.init(**quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(
                f"There is no Ray cluster at {os.environ['RAY_ADDRESS']} (RAY_ADDRESS): {str(error).splitlines()[0]}",
                "Start one with: ray start --head; or unset RAY_ADDRESS for one on this machine.",
            ) from error
        return
    ray.init(include_dashboard=False, _node_ip_address="127.0.0.1", num_cpus=num_processes, **quiet)
