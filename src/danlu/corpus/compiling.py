"""How loops over characters are compiled: by numba, on their first call, with the machine code kept beside the source.

That first call takes half a minute for all of them, once on a machine; a later process loads them within a second.

numba sees that a file has changed, but not that a function has which another file's function calls: whoever changes a
kernel that others call deletes the ``__pycache__`` of their folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

import numpy.typing as npt

from danlu.errors import UserError

Codes: TypeAlias = npt.NDArray[Any]
"""Code points, uint32. For the type checker the elements of arrays are Any: compiled, they are plain numbers."""
Bits: TypeAlias = npt.NDArray[Any]
"""Bits of each code point, uint32."""
Places: TypeAlias = npt.NDArray[Any]
"""Places in another array, or counts, int64."""
Hashes: TypeAlias = npt.NDArray[Any]
"""uint64."""

Function = TypeVar("Function", bound=Callable[..., Any])

NOTICE = "Compiling loops for this processor: half a minute or so, once on a machine."
_to_be_told: list[Callable[[str], None]] = []


@contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """Somebody is told, once, if machine code is made while this lasts and not found beside the source.

    Args:
        say: Given one line for people.
    """
    _to_be_told.append(say)
    try:
        yield
    finally:
        if say in _to_be_told:
            _to_be_told.remove(say)


def kernel(function: Function) -> Function:
    """Compile a function, as a decorator. It lets go of Python's lock; division by zero gives nan or inf.

    Raises:
        UserError: numba is not installed.
    """
    try:
        from numba import njit
    except ImportError as error:
        raise UserError(
            "Near duplicates, rules for text quality and personal information are looked for with numba, which "
            f"cannot be imported ({error}).",
            "pip install 'danlu[data]'",
        ) from error
    _listen()
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


@cache
def _listen() -> None:
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        """numba has begun to compile: a function was not found beside its source."""

        def on_start(self, event: Any) -> None:
            while _to_be_told:
                _to_be_told.pop()(NOTICE)

        def on_end(self, event: Any) -> None:
            """Nothing is said."""

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]
