"""``danlu serve`` as a process, and the mistakes it explains before a model is loaded."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from danlu.cli.main import run_cli


def test_serves_until_told_to_stop(tiny_model_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from danlu.cli.main import main; main()", "serve", str(tiny_model_dir)]
    command += ["--workspace", str(tmp_path), "--port", "0", "--json", "--context", "256"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"address", "model", "engine", "chat"}
        with httpx.Client(base_url=ready["address"], trust_env=False, timeout=60) as client:
            assert client.get("/health").status_code == 200
            assert client.get("/v1/models").json()["data"][0]["context_length"] == 256
            body = {"model": ready["model"], "messages": [{"role": "user", "content": "zebra"}], "max_tokens": 4}
            assert client.post("/v1/chat/completions", json=body).json()["object"] == "chat.completion"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    log_text = (tmp_path / "log").read_text()
    assert "there is no GGUF file for llama.cpp" in log_text
    assert "POST /v1/chat/completions 200" in log_text
    assert "zebra" not in log_text


def test_taken_port(tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run_cli(["serve", str(tiny_model_dir), "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Port {port}" in error
    assert "--port" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "--api-key-file"),
        (["--host", "::"], "--api-key-file"),
        (["--api-key-file", "missing"], "cannot be read"),
        (["--engine", "vllm"], "There is no engine 'vllm'"),
        (["--engine", "llamacpp"], "needs a GGUF file"),
        (["--port", "99999"], "99999"),
        (["--context", "1"], "--context"),
    ],
)
def test_mistakes(tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert run_cli(["serve", str(tiny_model_dir), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_unknown_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["serve", "nobody", "--workspace", str(tmp_path)]) == 2
    assert "nobody" in capsys.readouterr().err
