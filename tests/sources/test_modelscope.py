"""ModelScope: our side of it, with a stand-in for its package."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from loopback import FileServer

from danlu.sources.errors import SourceUnavailableError
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

FILES = {"config.json": b"{}", "model.safetensors": b"weights", "README.md": b"card", "data/rows.json": b"[]"}


@pytest.fixture
def hub(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    state: dict[str, Any] = {"endpoint": server.url, "files": dict(FILES), "asked": []}

    class HubApi:
        endpoint = property(lambda self: state["endpoint"])

        def get_model_files(self, model_id: str, revision: str, recursive: bool) -> list[dict[str, Any]]:
            state["asked"].append((model_id, revision))
            listed = [{"Path": name, "Size": len(body), "Type": "blob"} for name, body in FILES.items()]
            return [*listed, {"Path": "data", "Size": 0, "Type": "tree"}]

    def model_file_download(model_id: str, file_path: str, revision: str, local_dir: str) -> str:
        path = Path(local_dir) / file_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(state["files"][file_path])
        (Path(local_dir) / ".msc").write_bytes(b"notes")
        return str(path)

    for name, members in {
        "modelscope": {},
        "modelscope.hub": {},
        "modelscope.hub.api": {"HubApi": HubApi},
        "modelscope.hub.file_download": {"model_file_download": model_file_download},
    }.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return state


def test_snapshot_and_single_file(hub: dict[str, Any], cache: Path, reporter: Reporter) -> None:
    snapshot = fetch("modelscope:org/name@v1", cache=cache, reporter=reporter).path
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == {
        "config.json": b"{}",
        "model.safetensors": b"weights",
    }
    assert fetch("modelscope:org/name#data/rows.json", cache=cache, reporter=reporter).path.read_bytes() == b"[]"
    assert hub["asked"] == [("org/name", "v1"), ("org/name", "master")]


def test_short_file_is_refused(hub: dict[str, Any], cache: Path, reporter: Reporter) -> None:
    hub["files"]["model.safetensors"] = b"wei"
    with pytest.raises(SourceUnavailableError, match="damaged"):
        fetch("modelscope:org/name", cache=cache, reporter=reporter)


def test_unreachable_or_not_installed(
    hub: dict[str, Any], cache: Path, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub["endpoint"] = "http://127.0.0.1:9"
    with pytest.raises(SourceUnavailableError, match=r"org/name.*refused"):
        fetch("modelscope:org/name", cache=cache, reporter=reporter)
    monkeypatch.setitem(sys.modules, "modelscope", None)
    monkeypatch.delitem(sys.modules, "modelscope.hub.api")
    monkeypatch.delitem(sys.modules, "modelscope.hub")
    with pytest.raises(SourceUnavailableError) as caught:
        fetch("modelscope:org/name", cache=cache, reporter=reporter)
    assert "danlu[modelscope]" in caught.value.hint
