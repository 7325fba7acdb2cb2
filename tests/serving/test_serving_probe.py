"""The real command as a process, asked once."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from danlu.errors import UserError
from danlu.serving.probe import ask_once
from danlu.settings import Workspace


def test_one_question(tiny_model_dir: Path, workspace: Workspace) -> None:
    result = ask_once(str(tiny_model_dir), workspace.root, "What is the capital of France?", max_tokens=8)
    assert result["address"].startswith("http://127.0.0.1:")
    assert result["engine"] == "transformers"
    assert result["model"] == "tiny-llama"
    assert isinstance(result["answer"], str)
    assert 1 <= result["usage"]["completion_tokens"] <= 8
    assert result["seconds"] > 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{result['address']}/health", trust_env=False)


def test_a_model_without_chat_template_goes_on_with_the_text(tiny_base_dir: Path, workspace: Workspace) -> None:
    result = ask_once(str(tiny_base_dir), workspace.root, "The furnace", max_tokens=4)
    assert result["chat"] is False
    assert isinstance(result["answer"], str)
    assert 1 <= result["usage"]["completion_tokens"] <= 4


def test_a_server_that_cannot_start(workspace: Workspace) -> None:
    with pytest.raises(UserError, match=r"did not start.*no model at"):
        ask_once("./missing.gguf", workspace.root, "Hi")
