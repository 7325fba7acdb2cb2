"""Many clients, clients that leave, and the end of the server, over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted_engine import ANSWER, ScriptedEngine, serving

from danlu.errors import UserError
from danlu.serving.server import address_of, bind, read_api_keys

BODY: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = "".join(ANSWER)


def ask(address: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{address}/v1/chat/completions", json={**BODY, **more}, timeout=30, trust_env=False)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_eight_clients_at_once() -> None:
    engine = ScriptedEngine(pace=0.01, parallel=3)
    with serving(engine) as address, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(address).json()["choices"][0]["message"]["content"], range(8)))
    assert answers == [TEXT] * 8
    assert engine.most_active == 3


def test_waiting_requests_are_served_in_order() -> None:
    engine = ScriptedEngine(pace=0.03, parallel=1)
    threads = []
    with serving(engine) as address:
        for number in range(4):
            message = [{"role": "user", "content": str(number)}]
            threads.append(threading.Thread(target=ask, args=(address,), kwargs={"messages": message}))
            threads[-1].start()
            wait_for(lambda: len(engine.prompts) > 0)
            time.sleep(0.05)
        for thread in threads:
            thread.join(30)
    assert engine.prompts == ["<user>0", "<user>1", "<user>2", "<user>3"]


def test_full_queue_is_told() -> None:
    engine = ScriptedEngine(pace=0.1, parallel=1)
    with serving(engine, max_waiting=1) as address, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, address)
        wait_for(lambda: engine.active == 1)
        second = pool.submit(ask, address)
        time.sleep(0.2)
        for stream in (False, True):
            response = ask(address, stream=stream)
            assert response.status_code == 429
            assert int(response.headers["retry-after"]) > 0
            assert response.json()["error"]["code"] == "queue_full"
        assert first.result().status_code == second.result().status_code == 200
        assert ask(address).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_frees_the_engine(stream: bool) -> None:
    engine = ScriptedEngine(pace=0.05, parallel=1, answer=["word "] * 1000)
    with serving(engine) as address:
        host, port = httpx.URL(address).host, httpx.URL(address).port
        assert port is not None
        with socket.create_connection((host, port)) as raw:
            body = json.dumps({**BODY, "stream": stream}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            wait_for(lambda: engine.active == 1)
        wait_for(lambda: engine.active == 0)
        assert engine.cancelled == 1
        assert ask(address, max_tokens=1).status_code == 200


def test_a_client_that_hangs_up_while_it_waits_is_forgotten() -> None:
    engine = ScriptedEngine(pace=0.05, parallel=1, answer=["word "] * 20)
    with serving(engine) as address, ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, address)
        wait_for(lambda: engine.active == 1)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/v1/chat/completions", json=BODY, timeout=0.2, trust_env=False)
        assert first.result().status_code == 200
        assert ask(address, max_tokens=1).status_code == 200
    assert len(engine.prompts) == 2


@contextmanager
def server_process(pace: float, grace: float) -> Iterator[tuple[subprocess.Popen[str], str]]:
    script = Path(__file__).with_name("scripted_engine.py")
    process = subprocess.Popen([sys.executable, str(script), str(pace), str(grace)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_streams_finish(number: int) -> None:
    with (
        server_process(pace=0.15, grace=30) as (process, address),
        httpx.stream(
            "POST", f"{address}/v1/chat/completions", json={**BODY, "stream": True}, timeout=30, trust_env=False
        ) as response,
    ):
        lines = response.iter_lines()
        first = [next(lines), next(lines), next(lines)]
        process.send_signal(number)
        rest = list(lines)
        events = [json.loads(line[6:]) for line in first + rest if line.startswith("data: {")]
        assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == TEXT
        assert "data: [DONE]" in rest
        assert process.wait(20) == 0


def test_grace_is_bounded() -> None:
    with (
        server_process(pace=2.0, grace=1) as (process, address),
        httpx.stream(
            "POST", f"{address}/v1/chat/completions", json={**BODY, "stream": True}, timeout=30, trust_env=False
        ) as response,
    ):
        next(response.iter_lines())
        process.send_signal(signal.SIGTERM)
        # The whole answer would take 14 s.
        assert process.wait(10) == 0


def test_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError) as error:
            bind("127.0.0.1", port)
    assert str(port) in error.value.what
    assert "--port" in error.value.hint


def test_unknown_host() -> None:
    with pytest.raises(UserError, match="not known"):
        bind("no such host", 0)
    with pytest.raises(UserError, match="cannot be used"):
        bind("192.0.2.1", 0)


def test_free_port_is_picked() -> None:
    with bind("127.0.0.1", 0) as sock:
        assert address_of(sock).startswith("http://127.0.0.1:")
        assert not address_of(sock).endswith(":0")


def test_api_key_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# staff\n\n  alpha \nbeta\n", encoding="utf-8")
    assert read_api_keys(file) == {"alpha", "beta"}
    file.write_text("# nobody\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no key"):
        read_api_keys(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_api_keys(tmp_path / "missing")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_api_keys(file)
