"""Make .venv from the lock and put this repository into it. Run by ``make setup``; needs nothing but Python.

Two steps, each remembered when it is complete: the packages of lock.txt (made anew from nothing when the lock changes
or when the last time was cut short, so that no leftover is ever believed to be whole), then ``pip install --editable``.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ENVIRONMENT = REPOSITORY / ".venv"
LOCK = REPOSITORY / "requirements" / "lock.txt"
PACKAGES_MARK = ENVIRONMENT / "packages.sha256"
LOG = ENVIRONMENT / "install.log"
LOG_LINES_SHOWN = 15

TORCH_QUESTION = """
from importlib.metadata import distributions, version
names = {distribution.metadata["Name"] for distribution in distributions()}
print(version("torch"), "with CUDA libraries" if any(name.startswith("nvidia-") for name in names) else "for CPU")
"""


def main() -> None:
    started = time.monotonic()
    lock_hash = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not PACKAGES_MARK.exists() or PACKAGES_MARK.read_text(encoding="utf-8") != lock_hash or not works():
        install_packages()
        PACKAGES_MARK.write_text(lock_hash, encoding="utf-8")
    say("installing danlu itself")
    pip(["install", "--no-deps", "--no-build-isolation", "--editable", str(REPOSITORY)], watch=lambda line: None)
    if not (ENVIRONMENT / "bin" / "danlu").exists():
        sys.exit("setup: pip installed danlu without its command. Delete .venv and run make setup again.")
    torch = subprocess.run([interpreter(), "-c", TORCH_QUESTION], capture_output=True, text=True, check=True)
    say(f"ready after {time.monotonic() - started:.0f} s: torch {torch.stdout.strip()}, .venv/bin/danlu")


def install_packages() -> None:
    """A new virtual environment with every package of the lock."""
    count = sum("==" in line for line in LOCK.read_text(encoding="utf-8").splitlines())
    say(f"making .venv with Python {sys.version.split()[0]}")
    PACKAGES_MARK.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    say(f"fetching {count} packages; what pip says goes to .venv/install.log")
    # Modules are compiled when they are first imported; compiling all of them now would double the time.
    pip(["install", "--no-compile", "--progress-bar=off", "--requirement", str(LOCK)], watch=Progress(count))


class Progress:
    """Tells from pip's lines how far it is, and says so now and then."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.collected = 0

    def __call__(self, line: str) -> None:
        if line.startswith(("Collecting ", "Processing ")):
            self.collected += 1
            if self.collected % 25 == 0 and self.collected <= self.count:
                say(f"  {self.collected} of {self.count} found")
        elif line.startswith("Installing collected packages"):
            say("  all fetched, unpacking (the longest part)")


def pip(arguments: list[str], watch: Callable[[str], None]) -> None:
    """Run the environment's pip: its lines go to the log and to `watch`; if it fails, its errors are shown."""
    command = [interpreter(), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    lines = []
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            lines.append(line)
            watch(line)
    if process.returncode != 0:
        errors = [line for line in lines if line.startswith("ERROR")]
        print("".join(errors or lines[-LOG_LINES_SHOWN:]), end="")
        sys.exit("setup: pip failed (all it said is in .venv/install.log). Mend the cause and run make setup again.")


def works() -> bool:
    """Whether the environment's Python still starts (it does not when the Python it was made from is gone)."""
    try:
        return subprocess.run([interpreter(), "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def interpreter() -> str:
    return str(ENVIRONMENT / "bin" / "python")


def say(message: str) -> None:
    print(f"setup: {message}", flush=True)


if __name__ == "__main__":
    main()
