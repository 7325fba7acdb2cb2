"""Write requirements/lock.txt: one exact version for every package that Danlu, its server and its checks need.

    .venv/bin/python requirements/make_lock.py                    # add what pyproject.toml newly asks for
    .venv/bin/python requirements/make_lock.py --upgrade peft     # let peft (and what it needs) move
    .venv/bin/python requirements/make_lock.py --upgrade-all      # let everything move

pip resolves everything in one go, so nothing is installed behind another package's back. What the lock holds already
is kept unless it is told to move. The lock says nothing about the machine: torch is pinned without its build
(``+cpu``, ``+cu130``), and the CUDA libraries are left to torch, which names their versions itself. So pip takes
the CPU build where its configuration offers one, and nothing of CUDA comes in with it.

Every pin is checked to have a wheel for each supported version of Python, on the platform this runs on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = Path(__file__).resolve().parent / "lock.txt"
EXTRAS = ("serve", "remote", "dev")
PYTHON_VERSIONS = ("3.11", "3.12", "3.13")

FORBIDDEN = ("torchvision", "torchaudio")
"""With a CPU build of torch, the torchvision that a registry offers makes transformers fail to import."""

BROUGHT_BY_TORCH = ("nvidia-", "cuda-", "triton")
"""Packages that a CUDA build of torch brings in versions of its own choice; they differ from machine to machine."""

HEADER = """\
# Every package that Danlu, its server and its checks need, in one exact version. Written by requirements/make_lock.py.
# Which build of torch this becomes is pip's choice: the CPU build where its configuration offers one.
--only-binary :all:
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="append", default=[], metavar="NAME", help="let this package move")
    parser.add_argument("--upgrade-all", action="store_true", help="let every package move")
    parser.add_argument("--constraint", type=Path, metavar="FILE", help="prefer the versions in this file")
    options = parser.parse_args()

    moving = {canonicalize_name(name) for name in options.upgrade}
    kept = [] if options.upgrade_all else [pin for pin in read_pins(LOCK) if canonicalize_name(pin.name) not in moving]
    preferred = [str(pin) for pin in kept] + (read_lines(options.constraint) if options.constraint else [])

    with tempfile.TemporaryDirectory() as directory:
        pip = fresh_pip(Path(directory))
        packages = resolve(pip, Path(directory), root_requirements(), preferred)
        names = needed_on_every_python(packages)
        pins = [f"{packages[name]['name']}=={public_version(packages[name]['version'])}" for name in sorted(names)]
        for version in PYTHON_VERSIONS:
            check_wheels(pip, Path(directory), pins, version)

    LOCK.write_text(HEADER + "".join(pin + "\n" for pin in pins), encoding="utf-8")
    print(f"{LOCK.relative_to(REPOSITORY)}: {len(pins)} packages, for Python {', '.join(PYTHON_VERSIONS)}")


def root_requirements() -> list[Requirement]:
    """What pyproject.toml asks for: to build, to run, to serve and to test."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    lists = [settings["build-system"]["requires"], project["dependencies"]]
    lists += [project["optional-dependencies"][extra] for extra in EXTRAS]
    return [Requirement(line) for requirements in lists for line in requirements]


def read_lines(path: Path) -> list[str]:
    """Lines of a requirements file without comments and options."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def read_pins(path: Path) -> list[Requirement]:
    """The pins of a lock; none if there is no such file yet."""
    return [Requirement(line) for line in read_lines(path)] if path.exists() else []


def public_version(version: str) -> str:
    """A version without the build it names: ``2.13.0+cpu`` becomes ``2.13.0``."""
    return version.split("+")[0]


def fresh_pip(directory: Path) -> list[str]:
    """The pip of a new, empty virtual environment, which nothing installed can mislead."""
    venv.create(directory / "venv", with_pip=True)
    return [str(directory / "venv" / "bin" / "python"), "-m", "pip"]


def resolve(pip: list[str], directory: Path, roots: list[Requirement], preferred: list[str]) -> dict[str, Any]:
    """Metadata of every package in the closure of `roots`, by normalised name, without installing anything."""
    constraints = directory / "constraints.txt"
    constraints.write_text("\n".join([*preferred, *(f"{name}<0" for name in FORBIDDEN)]) + "\n", encoding="utf-8")
    report = directory / "report.json"
    command = [*pip, "install", "--dry-run", "-qq", "--only-binary=:all:", "--constraint", str(constraints)]
    run([*command, "--report", str(report), *(str(root) for root in roots)])
    installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"] for item in installs}


def needed_on_every_python(packages: dict[str, Any]) -> set[str]:
    """Normalised names reached from the roots, which must be the same on every supported Python.

    pip judges environment markers by the Python it runs on; here they are judged for each version in turn.
    """
    closures = {version: closure(packages, version) for version in PYTHON_VERSIONS}
    common = set.intersection(*closures.values())
    for version, names in closures.items():
        if odd := names - common:
            sys.exit(f"Only Python {version} needs {', '.join(sorted(odd))}: give these pins a marker by hand.")
    return common


def closure(packages: dict[str, Any], python_version: str) -> set[str]:
    """Normalised names that the roots need on `python_version`, without what only a CUDA build of torch brings."""
    environment = {"python_version": python_version, "python_full_version": f"{python_version}.0"}
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting: list[Requirement] = root_requirements()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name.startswith(BROUGHT_BY_TORCH):
            continue
        found.add(name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in packages.get(name, {}).get("requires_dist", []):
                further = Requirement(line)
                if further.marker is None or further.marker.evaluate({**environment, "extra": extra}):
                    waiting.append(further)
    if missing := found - packages.keys():
        sys.exit(f"Python {python_version} needs {', '.join(sorted(missing))}, which this Python does not resolve.")
    return found


def check_wheels(pip: list[str], directory: Path, pins: list[str], python_version: str) -> None:
    """Fail unless every pin has a wheel for `python_version` on this platform."""
    command = [*pip, "install", "--dry-run", "-qq", "--no-deps", "--only-binary=:all:", "--ignore-installed"]
    run([*command, "--python-version", python_version, "--target", str(directory / "nothing"), *pins])
    print(f"Python {python_version}: every pin has a wheel")


def run(command: list[str]) -> None:
    """Run pip; on failure show what it said and stop."""
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(finished.stdout + finished.stderr)


if __name__ == "__main__":
    main()
