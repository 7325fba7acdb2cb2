"""``include`` and ``exclude``: which files of a directory are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate

from danlu.artifacts.stage import Source
from danlu.corpus.config import CleanConfig
from danlu.corpus.files import SourceFile, list_files
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter


def chosen_files(sources: Sequence[Source], config: CleanConfig, reporter: Reporter) -> list[SourceFile]:
    """The files that sources name, and those of the directories they name that the patterns let through, in order.

    Raises:
        UserError: there is no such file or directory, or there is no file at all.
    """
    listed = [file for source in sources for file in list_files(source)]
    include, exclude = _Patterns("include", config.include), _Patterns("exclude", config.exclude)
    chosen = []
    for file in listed:
        wanted = file.relative is None or not config.include or include.match(file.relative)
        if wanted and not (file.relative is not None and exclude.match(file.relative)):
            chosen.append(file)
    if not chosen:
        names = ", ".join(source.record.uri for source in sources)
        raise UserError(
            f"There is no file to be read in {names}: include and exclude leave none of {len(listed)}."
            if listed
            else f"There is no file in {names}.",
            did_you_mean((config.include or [""])[0], [file.relative or "" for file in listed[:20]])
            if listed
            else "Name a file, or a directory with files in it, under 'from'.",
        )
    if len(chosen) < len(listed):
        reporter.say(f"{len(chosen):,} of {len(listed):,} files are chosen by include and exclude.")
    for patterns in (include, exclude):
        patterns.report(reporter)
    return chosen


class _Patterns:
    """Shell patterns of one setting."""

    def __init__(self, setting: str, patterns: list[str]) -> None:
        self._setting = setting
        self._compiled = {pattern: re.compile(translate(pattern)) for pattern in patterns}
        self._unused = set(patterns)

    def match(self, path: str) -> bool:
        fitting = [pattern for pattern, compiled in self._compiled.items() if compiled.match(path)]
        self._unused.difference_update(fitting)
        return bool(fitting)

    def report(self, reporter: Reporter) -> None:
        for pattern in sorted(self._unused):
            reporter.warn(f"{self._setting}: no file fits {pattern!r}.")
