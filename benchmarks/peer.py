"""A program that Danlu is compared with: it lives in a virtual environment of its own and is a script under peers/."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import REPOSITORY, compiler_cache, last_json, usual_environment

PEERS = REPOSITORY / "benchmarks" / "peers"
ENVIRONMENTS = REPOSITORY / ".cache" / "peers"


@dataclass(frozen=True)
class Peer:
    """One environment."""

    name: str
    """Of the environment and of ``requirements-<name>.txt``."""
    shares_versions: bool = True
    """Whether what it shares with Danlu has the version of requirements/lock.txt."""

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.name / "bin" / "python"

    def make(self) -> None:
        """Install it, once: everything in one go, so that nothing bends a version that was chosen before."""
        environment, requirements = ENVIRONMENTS / self.name, PEERS / f"requirements-{self.name}.txt"
        mark = environment / "requirements.txt"
        if mark.exists() and mark.read_bytes() == requirements.read_bytes():
            return
        print(f"making {environment.relative_to(REPOSITORY)}", flush=True)
        venv.create(environment, with_pip=True, clear=True)
        command = [str(self.python), "-m", "pip", "install", "-qq", "--no-compile", "--requirement", str(requirements)]
        if self.shares_versions:
            command += ["--constraint", str(REPOSITORY / "requirements" / "lock.txt")]
        subprocess.run(command, check=True)
        mark.write_bytes(requirements.read_bytes())

    def versions(self) -> list[str]:
        """Everything that is installed there, as pip lists it."""
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", "freeze"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def command(self, script: str, **arguments: Any) -> list[str]:
        """The command line of ``peers/<script>``, with ``--name value`` for each argument."""
        named = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        return [str(self.python), str(PEERS / script), *named]

    def environment(self) -> dict[str, str]:
        """For its scripts. They reach for no hub."""
        return {**usual_environment(), **compiler_cache(self.name), "HF_HUB_OFFLINE": "1"}

    def run(self, script: str, **arguments: Any) -> dict[str, Any]:
        """Run ``peers/<script>`` and return the JSON it ends with."""
        command = self.command(script, **arguments)
        finished = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=self.environment()
        )
        if finished.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {finished.returncode}:\n{finished.stderr}")
        return last_json(finished.stdout)
