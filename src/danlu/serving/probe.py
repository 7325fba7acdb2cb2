"""One question to a freshly started server: the whole way from the command line to HTTP, for demonstrations."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from danlu.errors import UserError

START_SECONDS = 180
ANSWER_SECONDS = 300
STOP_SECONDS = 10


def ask_once(
    name_or_path: str, workspace: str | Path, question: str, *, engine: str = "auto", max_tokens: int = 96
) -> dict[str, Any]:
    """Start ``danlu serve`` on a free loopback port, ask one question through the API, and stop it.

    A model without a chat template is asked to go on with the question.

    Returns:
        ``{"address", "model", "engine", "chat", "answer", "seconds", "usage"}``: seconds from the question to the whole
        answer; usage as in the API.

    Raises:
        UserError: the server did not start or did not answer; the message holds its last words.
    """
    import httpx

    with _server(name_or_path, workspace, engine) as ready, httpx.Client(trust_env=False) as client:
        address = ready["address"]
        try:
            client.get(f"{address}/health", timeout=10).raise_for_status()
            started = time.perf_counter()
            path = "/v1/chat/completions" if ready["chat"] else "/v1/completions"
            messages = [{"role": "user", "content": question}]
            asked = {"messages": messages} if ready["chat"] else {"prompt": question}
            response = client.post(
                address + path,
                json={"model": ready["model"], **asked, "temperature": 0, "max_tokens": max_tokens},
                timeout=ANSWER_SECONDS,
            )
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise UserError(
                f"The server at {address} did not answer: {error}", f"Try it by hand: danlu serve {name_or_path}"
            ) from error
        body = response.json()
        (choice,) = body["choices"]
        return {
            **ready,
            "answer": choice["message"]["content"] if ready["chat"] else choice["text"],
            "seconds": time.perf_counter() - started,
            "usage": body["usage"],
        }


@contextmanager
def _server(name_or_path: str, workspace: str | Path, engine: str) -> Iterator[dict[str, Any]]:
    """A running server's ready line, ``{"address", "model", "engine", "chat"}``; the server ends with the body."""
    command = [sys.executable, "-c", "from danlu.cli.main import main; main()", "serve", name_or_path]
    command += ["--workspace", str(workspace), "--port", "0", "--engine", engine, "--json"]
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        # A server that hangs while it loads would otherwise hold the reader for ever.
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
            watchdog.cancel()
            yield _ready(line, process, log)
        finally:
            watchdog.cancel()
            _stop(process)


def _ready(line: str, process: subprocess.Popen[str], log: IO[str]) -> dict[str, Any]:
    try:
        ready: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        _stop(process)
        log.seek(0)
        last_words = " ".join(log.read().split())[-500:] or "it said nothing"
        raise UserError(
            f"The server did not start: {last_words}", "Try it by hand: danlu serve NAME --workspace DIR"
        ) from None
    if "error" in ready:
        raise UserError(f"The server did not start: {ready['error']['what']}", ready["error"]["hint"])
    return ready


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
