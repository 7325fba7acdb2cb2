"""``danlu chat`` without a terminal: one question, piped questions, JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from danlu.cli.lines import printable
from danlu.cli.main import run_cli

SHORT = ["--max-tokens", "6", "--temperature", "0"]


def test_one_question(tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["chat", str(tiny_model_dir), "-m", "Who are you?", "--json", *SHORT]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert set(reply) == {"answer", "finish_reason", "seconds", "usage"}
    assert reply["usage"]["completion_tokens"] <= 6
    assert run_cli(["chat", str(tiny_model_dir), "-m", "Who are you?", *SHORT]) == 0
    plain = capsys.readouterr().out
    assert plain.rstrip("\n") == printable(reply["answer"]).rstrip("\n")


def test_piped_questions(
    tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("One?\n\nTwo?\n/reset\nOne?\n/exit\nnever asked\n"))
    assert run_cli(["chat", str(tiny_model_dir), "--json", "--system", "Be brief.", *SHORT]) == 0
    replies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    prompts = [reply["usage"]["prompt_tokens"] for reply in replies]
    assert len(prompts) == 3
    assert prompts[1] > prompts[0] == prompts[2]
    assert replies[0]["answer"] == replies[2]["answer"]


def test_model_without_chat_template_goes_on_with_each_text(
    tiny_base_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("The quick\nThe quick\n"))
    assert run_cli(["chat", str(tiny_base_dir), "--json", *SHORT]) == 0
    said = capsys.readouterr()
    first, second = (json.loads(line) for line in said.out.splitlines())
    assert first["answer"] == second["answer"]
    assert first["usage"] == second["usage"]
    assert "tiny-base has no chat template: it goes on with each text you give." in said.err
    tokenizer = AutoTokenizer.from_pretrained(tiny_base_dir)
    assert first["usage"]["prompt_tokens"] == len(tokenizer("The quick").input_ids)
    assert run_cli(["chat", str(tiny_base_dir), "--system", "Be brief.", "-m", "The quick"]) == 2
    assert "--system" in capsys.readouterr().err


def test_too_long_a_conversation(tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["chat", str(tiny_model_dir), "--context", "16", "-m", "word " * 50]) == 2
    assert "/reset" in capsys.readouterr().err


def test_a_model_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\r\x9b31m\n\t丹") == "a[2Jb31m\n\t丹"
