"""The Hugging Face hub, played by a server on loopback.

Each fetch is a process of its own, because huggingface_hub reads its endpoint when it is imported.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from loopback import FileServer, Served
from source_helpers import Fetching

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 4000,
    "consolidated.safetensors": b"again",
    "pytorch_model.bin": b"pickle",
    "tokenizer.json": b"{ }",
    "onnx/model.safetensors": b"other",
    "README.md": b"card",
    "data/rows.json": b"[1]",
}


def add_repository(server: FileServer, name: str, files: dict[str, bytes], kind: str = "models") -> None:
    siblings: list[dict[str, Any]] = []
    prefix = "/datasets" if kind == "datasets" else ""
    for path, body in files.items():
        sibling: dict[str, Any] = {"rfilename": path, "size": len(body), "blobId": hashlib.sha1(body).hexdigest()}
        if path.endswith(".safetensors"):
            sibling["lfs"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 100}
        siblings.append(sibling)
        server.files[f"{prefix}/{name}/resolve/{COMMIT}/{path}"] = Served(body, headers={"X-Repo-Commit": COMMIT})
    document = json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode()
    for revision in ("", "/revision/main", f"/revision/{COMMIT}"):
        path = f"/api/{kind}/{name}{revision}?blobs=true"
        server.files[path] = Served(document, headers={"Content-Type": "application/json"})


def run(fetching: Fetching, uri: str, cache: Path, endpoint: str, **environment: str) -> dict[str, Any]:
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache / "hf"), "HF_HUB_OFFLINE": "0", **environment}
    output, errors = fetching.start(uri, cache, **settings).communicate(timeout=60)
    assert output, errors
    result: dict[str, Any] = json.loads(output)
    return result


def test_snapshot_has_what_a_model_needs(server: FileServer, cache: Path, fetching: Fetching) -> None:
    add_repository(server, "org/name", FILES)
    result = run(fetching, f"hf:org/name@{COMMIT}", cache, server.url)
    snapshot = Path(result["path"])
    assert snapshot.name == "name"
    names = {path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json"}
    assert (snapshot / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    server.files.clear()
    assert run(fetching, f"hf:org/name@{COMMIT}", cache, server.url) == result


def test_file_of_a_data_set_and_a_path_that_is_not_there(server: FileServer, cache: Path, fetching: Fetching) -> None:
    add_repository(server, "org/rows", FILES, kind="datasets")
    result = run(fetching, "hf:datasets/org/rows@main#data/rows.json", cache, server.url)
    assert Path(result["path"]).read_bytes() == b"[1]"
    result = run(fetching, "hf:datasets/org/rows@main#data/row.json", cache, server.url)
    assert result["error"] == "MemberMissingError"
    assert "'data/rows.json'" in result["hint"]


def test_altered_weights_are_refused(server: FileServer, cache: Path, fetching: Fetching) -> None:
    add_repository(server, "org/name", FILES)
    served = server.files[f"/org/name/resolve/{COMMIT}/model.safetensors"]
    served.body = served.body[:-1] + b"x"
    result = run(fetching, "hf:org/name", cache, server.url)
    assert result["error"] == "SourceUnavailableError"
    assert "damaged" in result["what"]
    assert not (cache / "uris").exists()


def test_no_safetensors(server: FileServer, cache: Path, fetching: Fetching) -> None:
    add_repository(server, "org/name", {"config.json": b"{}", "pytorch_model.bin": b"pickle", "q8.gguf": b"GGUF"})
    result = run(fetching, "hf:org/name", cache, server.url)
    assert "safetensors" in result["what"]
    assert "hf:org/name#q8.gguf" in result["hint"]


@pytest.mark.parametrize(("case", "said"), [("closed", "cannot be reached"), ("offline", "HF_HUB_OFFLINE")])
def test_unreachable_hub_fails_soon(cache: Path, fetching: Fetching, case: str, said: str) -> None:
    started = time.monotonic()
    offline = {"HF_HUB_OFFLINE": "1"} if case == "offline" else {}
    result = run(fetching, "hf:org/name", cache, "http://127.0.0.1:9", **offline)
    assert result["error"] == "SourceUnavailableError"
    assert said in result["what"]
    assert time.monotonic() - started < 15


def test_unknown_repository(server: FileServer, cache: Path, fetching: Fetching) -> None:
    server.files["/api/models/org/name?blobs=true"] = Served(b"", status=404, headers={"X-Error-Code": "RepoNotFound"})
    result = run(fetching, "hf:org/name", cache, server.url)
    assert result["error"] == "SourceUnavailableError"
    assert "org/name" in result["what"]
    assert "no such repository" in result["what"]
