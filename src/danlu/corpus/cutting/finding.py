"""Where lines, paragraphs and passages repeat earlier ones, over all parts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from danlu.corpus.cutting.portion import Portion
from danlu.corpus.cutting.records import CUT, KINDS, PAIR, UNIT, WINDOW, Numbers, Records, item_of, read_records
from danlu.corpus.cutting.repeats import more_than, shared, shares_of
from danlu.corpus.cutting.units import UnitsTask, write_units
from danlu.corpus.cutting.windows import WindowsTask, cuts_of, write_anchors, write_windows

Task = TypeVar("Task", UnitsTask, WindowsTask)


class Run(Protocol):
    """Has tasks done."""

    def __call__(self, do: Callable[[Any], None], tasks: Sequence[Task], what: str) -> None: ...


def find_units(portions: Sequence[Portion], kind: str, at_most: int, shortest: int, folder: Path, run: Run) -> None:
    """Note lines or paragraphs that are to be cut out.

    Args:
        portions: All of them, in order.
        kind: "line" or "paragraph".
        at_most: How often one may stand in the corpus.
        shortest: Characters that one has at least to be looked for.
        folder: For files of this step; those of a stopped run are used.
        run: Has tasks done.
    """
    folder.mkdir(exist_ok=True)
    tasks = [UnitsTask(each, kind, shortest, folder / f"units-{each.part.number:06d}") for each in portions]
    _do(write_units, tasks, f"looking for {kind}s that repeat others", run)
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        for share in shares_of([task.path for task in tasks], UNIT, Path(directory)):
            later, first = more_than(share, at_most)
            cuts = _cuts(later["place"], later["length"], first["place"], kind)
            _distribute(portions, cuts, [each.cuts_path for each in portions])


def find_substrings(portions: Sequence[Portion], length: int, folder: Path, run: Run) -> None:
    """Note passages that are to be cut out, see `danlu.corpus.cutting.windows`.

    Args:
        portions: All of them, in order.
        length: Characters that one has at least.
        folder: For files of this step; those of a stopped run are used.
        run: Has tasks done.
    """
    folder.mkdir(exist_ok=True)
    tasks = [WindowsTask(each, length, folder / f"anchors-{each.part.number:06d}") for each in portions]
    _do(write_anchors, tasks, "looking for passages that may repeat others", run)
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        anchors = [Path(directory) / f"anchors-{each.part.number:06d}" for each in portions]
        for share in shares_of([task.path for task in tasks], WINDOW, Path(directory)):
            _distribute(portions, shared(share), anchors)
        tasks = [
            WindowsTask(each, length, folder / f"windows-{each.part.number:06d}", its_anchors)
            for each, its_anchors in zip(portions, anchors, strict=True)
        ]
        _do(write_windows, tasks, "looking for passages that repeat others", run)
        pairs = [Path(directory) / f"pairs-{each.part.number:06d}" for each in portions]
        for share in shares_of([task.path for task in tasks], WINDOW, Path(directory)):
            later, first = more_than(share, 1)
            found = np.zeros(len(later), PAIR)
            found["place"], found["first"] = later["place"], first["place"]
            _distribute(portions, found, pairs)
        for path in pairs:
            found = read_records(path, PAIR)
            places, lengths, firsts = cuts_of(found["place"], found["first"], length)
            _distribute(portions, _cuts(places, lengths, firsts, "substring"), [each.cuts_path for each in portions])


def _do(do: Callable[[Any], None], tasks: Sequence[Task], what: str, run: Run) -> None:
    """Those tasks that a stopped run has not done."""
    run(do, [task for task in tasks if not task.path.exists()], what)


def _cuts(places: Numbers, lengths: Numbers, firsts: Numbers, kind: str) -> Records:
    cuts = np.zeros(len(places), CUT)
    cuts["place"], cuts["length"], cuts["first"], cuts["kind"] = places, lengths, firsts, KINDS.index(kind)
    return cuts


def _distribute(portions: Sequence[Portion], records: Records, paths: Sequence[Path]) -> None:
    """Put down records with the part that their places lie in.

    Args:
        portions: All of them.
        records: In any order.
        paths: Of a file for each portion.
    """
    records = records[np.argsort(records["place"], kind="stable")]
    bounds = np.searchsorted(item_of(records["place"]), [*(each.first for each in portions), np.iinfo(np.int64).max])
    for path, start, stop in zip(paths, bounds[:-1], bounds[1:], strict=True):
        if start < stop:
            with path.open("ab") as stream:
                stream.write(records[start:stop].tobytes())
