"""A wish to stop: at once, or where a stage has put it off until a moment that suits it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from danlu.errors import Stopped


class Stop:
    """Asked for by a signal handler, looked at by stages. Belongs to the thread that runs the stages."""

    def __init__(self) -> None:
        self._signal_number: int | None = None
        self._put_off = False

    @property
    def requested(self) -> bool:
        return self._signal_number is not None

    def request(self, signal_number: int) -> None:
        """Stop.

        Raises:
            Stopped: at once, unless put off.
        """
        self._signal_number = signal_number
        if not self._put_off:
            raise Stopped(signal_number)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """While this lasts a request only shows in `requested`. Who has come to a good end then calls `now`.

        Raises:
            Stopped: it was requested, before or meanwhile.
        """
        self.check()
        self._put_off = True
        try:
            yield
        finally:
            self._put_off = False
        self.check()

    def check(self) -> None:
        """Stop now if that was requested.

        Raises:
            Stopped: it was.
        """
        if self._signal_number is not None:
            raise Stopped(self._signal_number)

    def now(self, how_far: str) -> NoReturn:
        """Stop, saying what is kept. Several processes stop together, also those that were not asked themselves."""
        raise Stopped(self._signal_number or signal.SIGTERM, how_far)
