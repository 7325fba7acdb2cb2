"""Machine code from Python functions, kept on the disk for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`function`, compiled when it is first called with arguments of their types."""
    machine_code: Callable[Parameters, Result] = njit(cache=True, nogil=True)(function)
    return machine_code
