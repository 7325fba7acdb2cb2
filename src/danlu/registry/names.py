"""Names of releases: what they may look like, and how a person refers to one version."""

from __future__ import annotations

import re

from danlu.errors import UserError

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Letters, digits, dot, underscore and hyphen; begins with a letter or digit, so that it is a safe file name."""

LATEST = "latest"


def check_name(name: str) -> str:
    """`name` itself.

    Raises:
        ValueError: it is no name for a release.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"{name!r} is no name for a release: use at most 64 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return name


def parse_reference(reference: str) -> tuple[str, int | None]:
    """``assistant`` or ``assistant@latest`` -> ``("assistant", None)``; ``assistant@2`` -> ``("assistant", 2)``.

    Raises:
        UserError: what follows the ``@`` is neither a version number nor ``latest``.
    """
    name, at, version = reference.partition("@")
    if not at or version == LATEST:
        return name, None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise UserError(
            f"{version!r} in {reference!r} is no version.",
            f"Write {name}@1 for version 1, or {name}@{LATEST} for the newest.",
        )
    return name, int(version)
