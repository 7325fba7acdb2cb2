"""Running pip and npm: they know the user's registries, proxies and credentials better than we ever could."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """What a tool that ended has said."""

    status: int
    output: str
    errors: str


def run_tool(command: list[str], scratch: Path, on_line: Callable[[str], None]) -> Finished:
    """Run a command to its end, with `scratch` as its directory for temporary files and nothing to read from.

    Args:
        command: Program and arguments.
        scratch: A directory; what the tool leaves there is cleared with it.
        on_line: Called with each line of output as it comes.

    Raises:
        FileNotFoundError: there is no such program.
        OSError: (ENOSPC) the tool complained of a full disk.
    """
    error_file = scratch / "errors.txt"
    with (
        error_file.open("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": str(scratch)},
        ) as process,
    ):
        lines = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                on_line(line.rstrip())
        except BaseException:
            process.kill()
            raise
        status = process.wait()
    finished = Finished(status, "".join(lines), error_file.read_text(encoding="utf-8", errors="replace"))
    if status != 0 and ("No space left on device" in finished.errors or "ENOSPC" in finished.errors):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))
    return finished
