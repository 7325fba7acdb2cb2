"""Plain web addresses: whole, continued, restarted when they must be, and refused with a reason."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from loopback import FileServer, Served
from source_helpers import Fetching, Heard, wait_until

from danlu.errors import UserError
from danlu.sources import remote
from danlu.sources.errors import SourceUnavailableError
from danlu.sources.fetch import fetch
from danlu.sources.remote import CHUNK_BYTES
from danlu.telemetry.reporter import Reporter

pytest.importorskip("aiohttp")
CLOSED = "http://127.0.0.1:9"


def make_bytes(count: int) -> bytes:
    return random.Random(7).randbytes(count)


@pytest.mark.parametrize(("ranges", "length"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize("count", [0, 1, 1000, CHUNK_BYTES, 2 * CHUNK_BYTES + 17])
def test_bytes_arrive_whole(
    server: FileServer, cache: Path, reporter: Reporter, heard: Heard, count: int, ranges: bool, length: bool
) -> None:
    body = make_bytes(count)
    server.files["/rows.jsonl?part=1"] = Served(body, ranges=ranges, length=length)
    source = fetch(f"{server.url}/rows.jsonl?part=1", cache=cache, reporter=reporter)
    assert source.path.read_bytes() == body
    assert source.path.name == "rows.jsonl"
    assert source.record.sha256 == hashlib.sha256(body).hexdigest()
    assert source.record.num_bytes == count
    completed, total = heard.progress["Downloading rows.jsonl"]
    assert completed == count
    assert total == (count if length else None)
    assert not list((cache / "partial").iterdir())


def test_second_fetch_uses_the_cache_and_says_so(
    server: FileServer, cache: Path, reporter: Reporter, heard: Heard
) -> None:
    server.files["/a.json"] = Served(b"old")
    fetch(f"{server.url}/a.json", cache=cache, reporter=reporter)
    server.files["/a.json"] = Served(b"new!")
    before = len(server.requests)
    assert fetch(f"{server.url}/a.json", cache=cache, reporter=reporter).path.read_bytes() == b"old"
    assert len(server.requests) == before
    assert "taken from the cache" in heard.messages[-1]
    assert fetch(f"{server.url}/a.json", cache=cache, reporter=reporter, refresh=True).path.read_bytes() == b"new!"
    # A wanted hash that the cached copy has not is a reason to fetch again, too.
    server.files["/a.json"] = Served(b"newest")
    wanted = hashlib.sha256(b"newest").hexdigest()
    assert fetch(f"{server.url}/a.json", cache=cache, reporter=reporter, sha256=wanted).path.read_bytes() == b"newest"


def test_killed_download_continues(
    server: FileServer, cache: Path, reporter: Reporter, heard: Heard, fetching: Fetching
) -> None:
    body = make_bytes(3 * CHUNK_BYTES)
    server.files["/model.gguf"] = Served(body, slow_after=2 * CHUNK_BYTES + 5000)
    process = fetching.start(f"{server.url}/model.gguf", cache)
    wait_until(lambda: server.sent > 2 * CHUNK_BYTES + 5000)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (cache / "uris").exists(), "nothing may be visible after a kill"
    server.files["/model.gguf"].slow_after = None
    server.requests.clear()
    source = fetch(f"{server.url}/model.gguf", cache=cache, reporter=reporter)
    assert source.path.read_bytes() == body
    assert server.gets("/model.gguf") == [2 * CHUNK_BYTES]
    assert any("Continuing" in message for message in heard.messages)


@pytest.mark.parametrize("change", ["content", "no validator", "no ranges"])
def test_partial_file_is_not_continued_when_that_is_unsafe(
    server: FileServer, cache: Path, reporter: Reporter, fetching: Fetching, change: str
) -> None:
    body = make_bytes(2 * CHUNK_BYTES)
    etag = change != "no validator"
    server.files["/a.bin"] = Served(body, slow_after=CHUNK_BYTES + 5000, etag=etag)
    process = fetching.start(f"{server.url}/a.bin", cache)
    wait_until(lambda: server.sent > CHUNK_BYTES + 5000)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    expected = bytes(reversed(body)) if change == "content" else body
    server.files["/a.bin"] = Served(expected, etag=etag, ranges=change != "no ranges")
    assert fetch(f"{server.url}/a.bin", cache=cache, reporter=reporter).path.read_bytes() == expected


def test_broken_connection_is_taken_up_again(server: FileServer, cache: Path, reporter: Reporter, heard: Heard) -> None:
    body = make_bytes(2 * CHUNK_BYTES)
    server.files["/a.bin"] = Served(body, break_after=CHUNK_BYTES + 2**16)
    assert fetch(f"{server.url}/a.bin", cache=cache, reporter=reporter).path.read_bytes() == body
    assert any("broke after 4.2 MB" in warning for warning in heard.warnings)
    assert server.gets("/a.bin") == [0, CHUNK_BYTES, CHUNK_BYTES]


def test_file_replaced_during_the_transfer_is_not_mixed(server: FileServer, cache: Path, reporter: Reporter) -> None:
    old, new = make_bytes(2 * CHUNK_BYTES), bytes(2 * CHUNK_BYTES)
    served = Served(old, break_after=CHUNK_BYTES + 2**16)
    server.files["/a.bin"] = served

    class Replacing(Heard):
        def on_event(self, event: dict[str, object]) -> None:
            served.body = new

    source = fetch(f"{server.url}/a.bin", cache=cache, reporter=Reporter([Replacing()]))
    assert source.path.read_bytes() == new


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_refusals_name_the_status(server: FileServer, cache: Path, reporter: Reporter, status: int) -> None:
    server.files["/a.bin"] = Served(b"", status=status)
    with pytest.raises(SourceUnavailableError, match=f"{server.url}/a.bin.*status {status}") as caught:
        fetch(f"{server.url}/a.bin", cache=cache, reporter=reporter)
    assert "file:PATH" in caught.value.hint
    assert not list((cache / "partial").iterdir())


def test_refused_connection_fails_soon(cache: Path, reporter: Reporter) -> None:
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:9"):
        fetch(f"{CLOSED}/a.bin", cache=cache, reporter=reporter)
    assert time.monotonic() - started < 15


def test_silent_server_is_given_up(cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote.ANSWER_SECONDS < 15
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SourceUnavailableError, match="no answer in time"):
            fetch(f"http://127.0.0.1:{port}/a.bin", cache=cache, reporter=reporter)


def test_missing_packages_name_the_extra(cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(SourceUnavailableError) as caught:
        fetch(f"{CLOSED}/a.bin", cache=cache, reporter=reporter)
    assert "danlu[remote]" in caught.value.hint


def test_secrets_are_neither_recorded_nor_said(
    server: FileServer, cache: Path, reporter: Reporter, heard: Heard
) -> None:
    path = "/a.bin?id=5&X-Amz-Signature=hunter2&access_token=hunter2"
    server.files[path] = Served(b"x")
    source = fetch(server.url + path, cache=cache, reporter=reporter)
    fetch(server.url + path, cache=cache, reporter=reporter)
    assert "id=5" in source.record.uri
    said = source.record.uri + "".join(heard.messages + heard.warnings)
    said += "".join(str(file) + file.read_text() for file in cache.rglob("*") if file.is_file())
    with pytest.raises(SourceUnavailableError) as caught:
        fetch(server.url + path + "&and=more", cache=cache, reporter=reporter)
    assert "hunter2" not in said + str(caught.value)
    with pytest.raises(UserError) as refused:
        fetch("https://user:hunter2@example.org/a.bin", cache=cache, reporter=reporter)
    assert "hunter2" not in str(refused.value)


def test_processes_fetching_at_once_share_one_download(server: FileServer, cache: Path, fetching: Fetching) -> None:
    body = make_bytes(CHUNK_BYTES + 4000)
    server.files["/a.bin"] = Served(body, slow_after=CHUNK_BYTES)
    processes = [fetching.start(f"{server.url}/a.bin", cache) for _ in range(3)]
    results = [json.loads(process.communicate(timeout=30)[0]) for process in processes]
    assert {result["sha256"] for result in results} == {hashlib.sha256(body).hexdigest()}
    assert server.gets("/a.bin") == [0, CHUNK_BYTES]


def test_s3_names_an_endpoint_it_cannot_reach(cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    set_s3(monkeypatch, CLOSED)
    with pytest.raises(SourceUnavailableError, match=r"s3://bucket/a\.json"):
        fetch("s3://bucket/a.json", cache=cache, reporter=reporter)


def test_s3_object_arrives_in_pieces(
    server: FileServer, cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs")
    set_s3(monkeypatch, server.url)
    body = make_bytes(CHUNK_BYTES + 9)
    server.files["/bucket/deep/a.json"] = Served(body, headers={"Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"})
    source = fetch("s3://bucket/deep/a.json", cache=cache, reporter=reporter)
    assert source.path.read_bytes() == body
    assert server.gets("/bucket/deep/a.json") == [0, CHUNK_BYTES]


def set_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
