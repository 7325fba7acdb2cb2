"""What the tests of the sources share: a web server, a listener, and an environment without proxies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import FileServer
from source_helpers import Fetching, Heard

from danlu.telemetry.reporter import Reporter


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def reporter(heard: Heard) -> Reporter:
    return Reporter([heard])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = FileServer()
    yield running
    running.close()


@pytest.fixture
def fetching() -> Iterator[Fetching]:
    started = Fetching()
    yield started
    for process in started.processes:
        process.kill()
        process.communicate()
