"""A gateway over a scripted engine: in this process, and over a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from scripted_engine import ScriptedEngine, serving

from danlu.serving.gateway import create_app
from danlu.serving.lookup import Servable


@pytest.fixture
def scripted() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def client(scripted: ScriptedEngine) -> Iterator[TestClient]:
    """The gateway without a socket."""
    app = create_app(
        scripted, Servable("assistant", ("assistant@1",), None, None), api_keys=frozenset(), loopback_only=True
    )
    with TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def address(scripted: ScriptedEngine) -> Iterator[str]:
    """The gateway on a loopback port."""
    with serving(scripted) as address:
        yield address
