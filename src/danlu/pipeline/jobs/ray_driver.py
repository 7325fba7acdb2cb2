"""A recipe in the workers of Ray Train: one worker for each process, with torchrun's variables in its environment."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from danlu.errors import UserError

RAY_DIRECTORY = "ray"
"""Part of the workspace: what Ray Train writes down."""


def drive(**job: Any) -> int:
    """`run_on_ray` for a script: a user's mistake is said in two lines.

    Returns:
        The exit status: 0 on success, 2 on a user's mistake.
    """
    try:
        run_on_ray(**job)
    except UserError as error:
        print(f"danlu: {error.what}\n  {error.hint}", file=sys.stderr)
        return 2
    return 0


def run_on_ray(
    *,
    name: str,
    recipe: str,
    workspace: str,
    overrides: Sequence[str] = (),
    num_workers: int = 1,
    cpus_per_worker: int = 1,
    gpus_per_worker: int = 0,
    memory_per_worker: int = 0,
    max_restarts: int = 0,
) -> None:
    """Start the workers and wait for them. On a cluster that is there, else on a Ray of this machine alone.

    Args:
        name: Of Ray Train's run.
        recipe: The YAML file, seen by all nodes.
        workspace: A directory that all nodes see.
        overrides: ``PATH=VALUE``, as for `danlu run`.
        num_workers: Processes in all.
        cpus_per_worker: Cores that each reserves.
        gpus_per_worker: GPUs that each has.
        memory_per_worker: Bytes that each reserves; 0 for none.
        max_restarts: How often all are started again after one has failed.

    Raises:
        UserError: Ray is not installed, or something is wrong with the recipe.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the building
    try:
        import ray
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
    except ModuleNotFoundError as error:
        raise UserError(
            f"Running on Ray needs {error.name}, which is not installed.", "Install it with: pip install 'danlu[ray]'"
        ) from error

    if not ray.is_initialized() and "RAY_ADDRESS" not in os.environ:
        ray.init(include_dashboard=False, _node_ip_address="127.0.0.1")
    resources: dict[str, float] = {"CPU": cpus_per_worker}
    if gpus_per_worker:
        resources["GPU"] = gpus_per_worker
    if memory_per_worker:
        resources["memory"] = memory_per_worker
    problem = Path(workspace) / RAY_DIRECTORY / f"{name}-problem.json"
    problem.parent.mkdir(parents=True, exist_ok=True)
    problem.unlink(missing_ok=True)
    trainer = TorchTrainer(
        take_part,
        train_loop_config={
            "recipe": recipe,
            "workspace": workspace,
            "overrides": list(overrides),
            "problem": str(problem),
        },
        scaling_config=ScalingConfig(
            num_workers=num_workers, use_gpu=gpus_per_worker > 0, resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=name,
            storage_path=str(problem.parent),
            failure_config=FailureConfig(max_failures=max_restarts),
        ),
    )
    trainer.fit()
    if problem.exists():
        raise UserError(**json.loads(problem.read_text(encoding="utf-8")))


def take_part(job: dict[str, Any]) -> None:
    """What each worker does: the first runs the recipe, the others take part in its train stages.

    Ray Train has set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT as torchrun does, and has joined a
    process group with them. A train stage makes its own, so this one is left, and its port with it.
    """
    from danlu.pipeline.api import run
    from danlu.training.parallel.team import team
    from danlu.training.parallel.teamwork import follow

    _leave_process_group()
    others = team()
    if others and not others.is_led_here:
        follow(others)
        return
    try:
        run(job["recipe"], job["workspace"], set=job["overrides"])
    except UserError as error:  # starting all workers again would not mend it
        Path(job["problem"]).write_text(json.dumps({"what": error.what, "hint": error.hint}), encoding="utf-8")
    finally:
        if others:
            others.dismiss()


def _leave_process_group() -> None:
    """Agree on another port of the first worker's, which may still be serving the group when another has left it."""
    import torch
    import torch.distributed as dist

    if not dist.is_initialized():
        return
    port = torch.zeros(1, dtype=torch.int64, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    if dist.get_rank() == 0:
        with socket.socket() as free:
            free.bind((os.environ["MASTER_ADDR"], 0))
            port[0] = free.getsockname()[1]
    dist.broadcast(port, 0)
    dist.destroy_process_group()
    os.environ["MASTER_PORT"] = str(int(port))
