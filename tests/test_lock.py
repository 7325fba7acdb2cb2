"""requirements/lock.txt: one exact version of everything pyproject.toml asks for, and nothing tied to a machine."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
EXTRAS = ("serve", "remote", "dev")


def pins() -> dict[str, Requirement]:
    lines = (REPOSITORY / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return {canonicalize_name(pin.name): pin for pin in found}


def test_every_requirement_is_pinned_to_a_version_it_allows() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in EXTRAS for line in project["optional-dependencies"][extra])]
    locked = pins()
    for requirement in map(Requirement, lines):
        pin = locked.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in the lock: run make lock"
        (specifier,) = pin.specifier
        assert requirement.specifier.contains(specifier.version), f"{pin} is not {requirement}: run make lock"


def test_pins_are_exact_and_name_no_build() -> None:
    for pin in pins().values():
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "+" not in specifier.version, f"{pin} names a build"


def test_nothing_of_cuda_is_pinned() -> None:
    unwanted = ("nvidia", "cuda", "triton", "torchvision", "torchaudio")
    assert not [name for name in pins() if name.startswith(unwanted)]
