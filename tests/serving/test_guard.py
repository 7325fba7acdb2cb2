"""Who is let in: hosts, origins and keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from scripted_engine import ScriptedEngine

from danlu.serving.gateway import create_app
from danlu.serving.guard import is_loopback
from danlu.serving.lookup import Servable


@pytest.fixture
def keyed() -> Iterator[TestClient]:
    app = create_app(
        ScriptedEngine(),
        Servable("assistant", (), None, None),
        api_keys=frozenset({"sesame", "芝麻"}),
        loopback_only=False,
    )
    with TestClient(app, base_url="http://models.example") as client:
        yield client


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org", "", "127.0.0.1.nip.io"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "localhost:1", "[::1]:8080"])
def test_own_hosts_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "@", "", "[::1"])
def test_rebound_hosts_are_refused(client: TestClient, host: str) -> None:
    response = client.get("/health", headers={"Host": host})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "host_not_allowed"


def test_pages_of_other_sites_are_refused(client: TestClient) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999"):
        assert client.get("/v1/models", headers={"Origin": origin}).status_code == 403
    assert client.get("/v1/models", headers={"Origin": "http://127.0.0.1:8080"}).status_code == 200


def test_no_cross_origin_headers(client: TestClient) -> None:
    response = client.get("/v1/models", headers={"Origin": "http://127.0.0.1:8080"})
    assert "access-control-allow-origin" not in response.headers


def test_keys(keyed: TestClient) -> None:
    assert keyed.get("/health").status_code == 200
    assert keyed.get("/").status_code == 200
    for header in (None, "sesame", "Basic sesame", "Bearer", "Bearer wrong", "Bearer sesam", "Bearer sesame2"):
        response = keyed.get("/v1/models", headers={"Authorization": header} if header else {})
        assert response.status_code == 401, header
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert response.headers["www-authenticate"] == "Bearer"
    assert keyed.get("/v1/models", headers={"Authorization": "Bearer sesame"}).status_code == 200
    assert keyed.post("/v1/chat/completions", content=b"{").status_code == 401
