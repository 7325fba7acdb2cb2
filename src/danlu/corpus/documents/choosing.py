"""``include`` and ``exclude``: which files of a directory are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from pathlib import Path

from danlu.artifacts.stage import Source
from danlu.corpus.archives.listing import Listing, is_archive, with_members
from danlu.corpus.config import CleanConfig
from danlu.corpus.files import SourceFile, list_files
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter


def chosen_files(
    sources: Sequence[Source], config: CleanConfig, reporter: Reporter, scratch: Path | None = None
) -> Listing:
    """The files that sources name, and those of the directories and archives they name that the patterns let through,
    in order.

    Args:
        sources: What is named.
        config: With the patterns.
        reporter: Told how many are chosen, and which patterns fit nothing.
        scratch: An existing directory in which packed archives can be looked into; None: archives are left as they
            are, and chosen as a whole.

    Raises:
        UserError: there is no such file or directory, or there is no file at all.
    """
    listing = Listing([file for source in sources for file in list_files(source)])
    include, exclude = _Patterns("include", config.include), _Patterns("exclude", config.exclude)
    if scratch is not None:
        listing = with_members((file for file in listing.files if not _is_left_out(file, exclude)), scratch)
    chosen = [file for file in listing.files if _is_chosen(file, include, exclude)]
    if not chosen:
        if not listing.files and listing.bad_files:
            raise listing.bad_files[0]
        names = ", ".join(source.record.uri for source in sources)
        raise UserError(
            f"There is no file to be read in {names}: include and exclude leave none of {len(listing.files)}."
            if listing.files
            else f"There is no file in {names}.",
            did_you_mean((config.include or [""])[0], [file.relative or "" for file in listing.files[:20]])
            if listing.files
            else "Name a file, or a directory with files in it, under 'from'.",
        )
    if len(chosen) < len(listing.files):
        reporter.say(f"{len(chosen):,} of {len(listing.files):,} files are chosen by include and exclude.")
    for patterns in (include, exclude):
        patterns.report(reporter)
    return Listing(chosen, listing.bad_files)


def _is_left_out(file: SourceFile, exclude: _Patterns) -> bool:
    """Whether it is an archive that is not to be looked into."""
    return is_archive(file) and file.relative is not None and exclude.match(file.relative)


def _is_chosen(file: SourceFile, include: _Patterns, exclude: _Patterns) -> bool:
    if file.relative is None:
        return True
    if is_archive(file):  # what it holds is chosen one by one
        return not exclude.match(file.relative)
    return (not include.is_set or include.match(file.relative)) and not exclude.match(file.relative)


class _Patterns:
    """Shell patterns of one setting."""

    def __init__(self, setting: str, patterns: list[str]) -> None:
        self._setting = setting
        self._compiled = {pattern: re.compile(translate(pattern)) for pattern in patterns}
        self._unused = set(patterns)
        self.is_set = bool(patterns)

    def match(self, path: str) -> bool:
        fitting = [pattern for pattern, compiled in self._compiled.items() if compiled.match(path)]
        self._unused.difference_update(fitting)
        return bool(fitting)

    def report(self, reporter: Reporter) -> None:
        for pattern in sorted(self._unused):
            reporter.warn(f"{self._setting}: no file fits {pattern!r}.")
