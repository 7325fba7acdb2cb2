"""What a sink is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from danlu.errors import UserError


class Sink(Protocol):
    """Takes the numbers of a run. Steps may come twice, when a run goes on from a checkpoint."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Take numbers of one step, by name; all are finite."""
        ...

    def close(self, *, failed: bool = False) -> None:
        """The run is over, well or not."""
        ...


@contextmanager
def library(sink: str, extra: str) -> Iterator[None]:
    """An import of something that only `extra` installs."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"{sink} needs {error.name}, which is not installed.", f"Install it with: pip install 'danlu[{extra}]'"
        ) from error
