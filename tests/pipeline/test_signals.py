"""Handlers are there while a run lasts, where that can be, and the program's own are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toys

from danlu.artifacts.signals import stopped_by_signals
from danlu.errors import Stopped
from danlu.pipeline.recipe import load_recipe
from danlu.pipeline.run import plan_recipe, run_recipe
from danlu.settings import Workspace

Write = Callable[[str], Path]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops(number: signal.Signals) -> None:
    before = handlers()
    with pytest.raises(Stopped) as caught, stopped_by_signals():
        signal.raise_signal(number)
    assert caught.value.status == 128 + number
    assert handlers() == before


def test_in_another_thread_nothing_is_installed() -> None:
    before, seen = handlers(), []

    def body() -> None:
        with stopped_by_signals() as stop:
            seen.append((handlers(), stop.requested))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [(before, False)]


def test_handlers_of_the_program_stay() -> None:
    caught: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
    try:
        with stopped_by_signals() as stop:
            signal.raise_signal(signal.SIGTERM)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught == [signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_signal_ends_the_process(number: signal.Signals) -> None:
    code = (
        "import signal, time\n"
        "from danlu.artifacts.signals import stopped_by_signals\n"
        "with stopped_by_signals() as stop, stop.put_off():\n"
        f"    signal.raise_signal({number:d})\n"
        "    print('put off', flush=True)\n"
        f"    signal.raise_signal({number:d})\n"
        "    print('still there', flush=True)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (128 + number, "put off\n", "")


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage ``sum`` receives SIGTERM when it is done."""
    run = sys.modules["toy_sum"].run

    def run_and_signal(*arguments: Any) -> Any:
        facts = run(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return facts

    monkeypatch.setattr("toy_sum.run", run_and_signal)


@pytest.mark.usefixtures("signalled")
def test_a_stopped_run_leaves_nothing_half_made(workspace: Workspace, recipe_file: Write, reporter: Any) -> None:
    before = handlers()
    recipe = load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE)
    with pytest.raises(Stopped):
        run_recipe(recipe, workspace, [reporter])
    assert handlers() == before
    assert reporter.events[-1]["event"] == "run_interrupted"
    assert not list(workspace.artifacts.glob("model/.*"))
    assert not list(workspace.artifacts.glob("model/*"))


def test_a_run_in_another_thread(workspace: Workspace, recipe_file: Write) -> None:
    recipe, made = load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), []
    thread = threading.Thread(target=lambda: made.append(run_recipe(recipe, workspace, [])))
    thread.start()
    thread.join()
    assert list(made[0].stages) == ["rows", "sum", "other", "proof"]


def test_a_plan_can_be_stopped(workspace: Workspace, recipe_file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toy_rows.plan", lambda *_: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Stopped):
        plan_recipe(load_recipe(recipe_file(toys.RECIPE), [], toys.TABLE), workspace, [])
