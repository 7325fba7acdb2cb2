"""Functions called on several processes that talk by gloo: ``on_ranks("module:function", 4, {...})``.

The processes are forked from one that has imported torch and transformers and computed nothing, so that this is paid
for once. Each calls ``function(rank, size, **arguments)``, whose results (JSON) come back in the order of the ranks.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

SECONDS = 300
TESTS = Path(__file__).resolve().parent


def on_ranks(function: str, size: int, arguments: dict[str, Any] | None = None) -> list[Any]:
    """What the function returns on each rank."""
    with tempfile.TemporaryDirectory() as scratch:
        finished = subprocess.run(
            [sys.executable, __file__, function, str(size), json.dumps(arguments or {}), scratch],
            env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return [json.loads((Path(scratch) / f"{rank}.json").read_text()) for rank in range(size)]


def _rank(function: Any, rank: int, size: int, arguments: dict[str, Any], scratch: Path) -> None:
    import torch.distributed as dist

    if size > 1:
        dist.init_process_group("gloo", store=dist.FileStore(str(scratch / "store"), size), rank=rank, world_size=size)
    result = function(rank, size, **arguments)
    (scratch / f"{rank}.json").write_text(json.dumps(result))
    if size > 1:
        dist.barrier()
        dist.destroy_process_group()


def _main(name: str, size: int, arguments: dict[str, Any], scratch: Path) -> int:
    module, _, function = name.partition(":")
    for folder in (TESTS, *(path for path in TESTS.rglob("*") if path.is_dir())):
        sys.path.append(str(folder))
    called = getattr(importlib.import_module(module), function)
    children = []
    for rank in range(size):
        child = os.fork()
        if not child:
            try:
                _rank(called, rank, size, arguments, scratch)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return max(map(abs, statuses))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]), Path(sys.argv[4])))
