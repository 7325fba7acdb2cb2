"""A wish to stop, put off or not."""

from __future__ import annotations

import signal

import pytest

from danlu.artifacts.stop import Stop
from danlu.errors import Stopped


def test_stops_at_once() -> None:
    stop = Stop()
    stop.check()
    assert not stop.requested
    with pytest.raises(Stopped, match=r"^Stopped by SIGTERM; what was finished is kept\.$") as caught:
        stop.request(signal.SIGTERM)
    assert caught.value.status == 143
    assert not isinstance(caught.value, Exception)
    with pytest.raises(Stopped):
        stop.check()


def test_put_off_until_a_good_end() -> None:
    stop = Stop()

    def half_of_it() -> None:
        with stop.put_off():
            stop.request(signal.SIGINT)
            assert stop.requested
            stop.now("half of it is saved")

    with pytest.raises(Stopped, match=r"^Stopped by Ctrl-C; half of it is saved\.$") as caught:
        half_of_it()
    assert caught.value.status == 130


def test_put_off_is_not_put_aside() -> None:
    stop = Stop()
    with pytest.raises(Stopped), stop.put_off():
        stop.request(signal.SIGTERM)
    with pytest.raises(Stopped), stop.put_off():
        raise AssertionError("it was asked to stop before")


def test_an_error_meanwhile_matters_more() -> None:
    stop = Stop()

    def fail() -> None:
        with stop.put_off():
            stop.request(signal.SIGTERM)
            raise ValueError("worse")

    with pytest.raises(ValueError, match="worse"):
        fail()
    with pytest.raises(Stopped):
        stop.request(signal.SIGTERM)
