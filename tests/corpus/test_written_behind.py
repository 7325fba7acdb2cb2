"""Writing by a thread: in order, all of it, and what goes wrong there is not lost."""

from __future__ import annotations

import threading

import pytest

from danlu.corpus.working.writing import MOST_WAITING, writing


@pytest.mark.parametrize("behind", [False, True])
def test_all_is_written_in_order(behind: bool) -> None:
    written: list[tuple[str, int]] = []
    with writing(behind=behind) as write:
        for number in range(100):
            write(lambda name, value: written.append((name, value)), "x", number)
    assert written == [("x", number) for number in range(100)]


@pytest.mark.parametrize("number", [0, 99])
def test_an_error_comes_back(number: int) -> None:
    def fail(value: int) -> None:
        if value == number:
            raise OSError(28, "No space left on device")

    def write_all() -> None:
        with writing(behind=True) as write:
            for value in range(100):
                write(fail, value)

    with pytest.raises(OSError, match="No space left"):
        write_all()


def test_few_wait() -> None:
    """A writer that is slower than what makes its batches holds these back."""
    may_write, begun = threading.Event(), []
    with writing(behind=True) as write:
        for number in range(MOST_WAITING):
            write(may_write.wait)
            begun.append(number)
        threading.Timer(0.2, may_write.set).start()
        write(begun.append, -1)
        assert may_write.is_set()
