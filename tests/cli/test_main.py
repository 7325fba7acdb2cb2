"""The command ``danlu`` as a whole: help, version, speed of starting, and how it ends."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys

import pytest

from danlu import __version__
from danlu.cli.main import run_cli

DANLU = [sys.executable, "-c", "from danlu.cli.main import main; main()"]
HEAVY = {"torch", "transformers", "peft", "pyarrow", "sqlalchemy", "numpy", "fastapi", "httpx", "scipy", "gguf"}
COMMANDS = ["run", "plan", "tune", "status", "logs", "artifacts", "serve", "chat", "version"]


def test_help_is_a_short_manual(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)
    assert "danlu run recipes/assistant.yaml" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_and_says_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_starting_imports_nothing_heavy() -> None:
    code = "import sys, danlu.cli.main; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_help_comes_at_once() -> None:
    """In less than twice the time of the libraries that every command line of this kind loads."""
    libraries = [sys.executable, "-c", "import pydantic, rich.console, typer, yaml"]
    # Processor time of starts in turn: other work on the machine slows neighbours in time alike.
    turns = [(processor_seconds([*DANLU, "--help"]), processor_seconds(libraries)) for _ in range(7)]
    assert statistics.median(ours / theirs for ours, theirs in turns) < 2


def processor_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__}
    assert run_cli(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_help_says_what_arguments_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["status", "--help"]) == 0
    assert "Name of the run." in capsys.readouterr().out


def test_without_arguments_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli([]) == 2
    captured = capsys.readouterr()
    assert "Usage: danlu" in captured.out + captured.err


def test_reader_that_goes_away_is_no_fault() -> None:
    process = subprocess.Popen([*DANLU, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    process.wait()
