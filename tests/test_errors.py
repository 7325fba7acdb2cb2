"""Errors for the user: two lines, the same on the other side of a process border; and hints for typing mistakes."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from danlu.errors import UserError, did_you_mean
from danlu.sources.errors import DiskFullError


def fail(what: str, hint: str) -> None:
    raise UserError(what, hint)


def test_two_lines() -> None:
    error = UserError("The length 0 is too small.", "Give at least 1.")
    assert str(error).splitlines() == ["The length 0 is too small.", "  Give at least 1."]
    assert (error.what, error.hint) == ("The length 0 is too small.", "Give at least 1.")


@pytest.mark.parametrize("kind", [UserError, DiskFullError])
def test_pickling_keeps_class_and_both_lines(kind: type[UserError]) -> None:
    read = pickle.loads(pickle.dumps(kind("什么", "Mend it.")))
    assert type(read) is kind
    assert (read.what, read.hint, str(read)) == ("什么", "Mend it.", "什么\n  Mend it.")


def test_comes_out_of_a_worker_process() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(UserError) as caught,
    ):
        pool.submit(fail, "Row 3 is broken.", "Mend row 3.").result()
    assert (caught.value.what, caught.value.hint) == ("Row 3 is broken.", "Mend row 3.")


@pytest.mark.parametrize(
    ("word", "meant"), [("tokenise", "tokenize"), ("trian", "train"), ("evaluat", "evaluate"), ("clean", "clean")]
)
def test_names_the_closest_word(word: str, meant: str) -> None:
    assert did_you_mean(word, ["import", "clean", "tokenize", "train", "evaluate"]) == f"Did you mean {meant!r}?"


def test_names_only_one_word_even_if_several_are_close() -> None:
    assert did_you_mean("rank1", ["rank", "ranks", "rank_1"]).count("'") == 2


def test_names_all_in_order_when_none_is_close() -> None:
    assert did_you_mean("xyzzy", ["train", "clean", "import"]) == "Known: clean, import, train."
