"""From a name to files, and from files to an engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from danlu.errors import UserError
from danlu.serving.engines import table
from danlu.serving.engines.table import ENGINES, choose_engine
from danlu.serving.lookup import Servable, find_model, find_servable
from danlu.settings import Workspace

HF, FILE = Path("/models/hf"), Path("/models/model.gguf")


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    assert find_servable(str(tmp_path / "tiny"), tmp_path) == Servable("tiny", (), tmp_path / "tiny", None)
    (tmp_path / "some.Q8.gguf").write_bytes(b"GGUF")
    assert find_servable(str(tmp_path / "some.Q8.gguf"), tmp_path).model_id == "some.Q8"


def test_encoders_write_no_answers(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match=r"holds an encoder \(bert\), which writes no answers") as refused:
        find_servable(str(tmp_path), tmp_path)
    assert "fill-mask" in str(refused.value.hint)
    assert find_model(str(tmp_path), tmp_path).hf == tmp_path
    (tmp_path / "config.json").write_text('{"model_type": "bert", "architectures": ["BertForSequenceClassification"]}')
    with pytest.raises(UserError) as refused:
        find_servable(str(tmp_path), tmp_path)
    assert f"danlu classify {tmp_path}" in str(refused.value.hint)


@pytest.mark.parametrize("name", ["none.gguf", "./none", "a/b", "~/none"])
def test_missing_paths(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model at"):
        find_servable(name, tmp_path)


def test_wrong_paths(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        find_servable(str(tmp_path), tmp_path)
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"neither a directory nor a \.gguf"):
        find_servable(str(tmp_path / "model.bin"), tmp_path)


def test_unknown_name(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="asistant"):
        find_servable("asistant", workspace.root)


def registered(monkeypatch: pytest.MonkeyPatch, exports: dict[str, Path]) -> None:
    version = SimpleNamespace(name="assistant", version=2, exports=exports)
    registry: Any = SimpleNamespace(open=lambda workspace: SimpleNamespace(resolve=lambda name: version))
    monkeypatch.setattr("danlu.serving.lookup.Registry", registry)


def test_registered(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    registered(monkeypatch, {"hf": HF, "gguf-f16": Path("f16.gguf"), "gguf-q8_0": Path("q8.gguf")})
    servable = find_servable("assistant", workspace.root)
    assert servable == Servable("assistant", ("assistant@2", "assistant@latest"), HF, Path("q8.gguf"))
    registered(monkeypatch, {})
    with pytest.raises(UserError, match="without an export"):
        find_servable("assistant", workspace.root)


def test_engine_table() -> None:
    for name, engine in ENGINES.items():
        assert engine.name == name  # type: ignore[attr-defined]


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    both, hf, gguf = Servable("m", (), HF, FILE), Servable("m", (), HF, None), Servable("m", (), None, FILE)
    monkeypatch.setattr(table, "find_spec", lambda name: object())
    assert choose_engine(both, "auto").engine == "llamacpp"
    assert choose_engine(both, "transformers").path == HF
    assert "no GGUF file" in choose_engine(hf, "auto").why
    with pytest.raises(UserError, match="needs a GGUF file"):
        choose_engine(hf, "llamacpp")
    with pytest.raises(UserError, match="needs a Hugging Face directory"):
        choose_engine(gguf, "transformers")
    with pytest.raises(UserError) as wrong:
        choose_engine(both, "lamacpp")
    assert "llamacpp" in wrong.value.hint
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    assert "not installed" in choose_engine(both, "auto").why
    with pytest.raises(UserError, match="not installed"):
        choose_engine(gguf, "auto")
