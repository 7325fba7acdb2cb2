"""Which statement fits a file, and which files nobody said anything of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from danlu.corpus.files import BadFileError
from danlu.corpus.rights.config import Rights
from danlu.telemetry.reporter import Reporter

NAMED = 5


def stated_of(uri: str, rights: Mapping[str, Rights]) -> Rights | None:
    """Of the first pattern that fits; None if none does."""
    return next((stated for pattern, stated in rights.items() if fnmatchcase(uri, pattern)), None)


def check_licence(uri: str, rights: Mapping[str, Rights], allowed: Sequence[str] | None) -> None:
    """
    Raises:
        BadFileError: the file has no licence that is allowed.
    """
    if allowed is None:
        return
    stated = stated_of(uri, rights)
    licence = stated.licence if stated else None
    if licence is None:
        raise BadFileError(uri, "no licence is stated under 'rights', and licences_allowed asks for one", "State it.")
    if licence.lower() not in {each.lower() for each in allowed}:
        hint = "Allow it, or leave the file out with 'exclude'."
        raise BadFileError(uri, f"its licence, {licence}, is not among licences_allowed", hint)


def tell_of_rights(rights: Mapping[str, Rights], uris: Sequence[str], reporter: Reporter) -> None:
    """Say of which files nothing is stated, and which patterns fit none."""
    if not rights:
        return
    silent = [uri for uri in uris if stated_of(uri, rights) is None]
    if silent:
        named = ", ".join(silent[:NAMED]) + (", …" if len(silent) > NAMED else "")
        reporter.warn(f"rights: nothing is stated of {len(silent):,} of {len(uris):,} files: {named}.")
    for pattern in rights:
        if not any(fnmatchcase(uri, pattern) for uri in uris):
            reporter.warn(f"rights: no file fits {pattern!r}.")
