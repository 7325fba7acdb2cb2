"""What clients get wrong: each is an answer of 4xx in OpenAI's shape that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scripted_engine import ScriptedEngine

from danlu.serving.gateway import MAX_BODY_BYTES

GOOD: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}
PROMPT: dict[str, Any] = {"model": "assistant", "prompt": "Hi"}

# What is wrong about the body, and the param of the error.
CHAT = [
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "king", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0]"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": -1}, "temperature"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": 2}, "top_p"),
    ({"top_k": -2}, "top_k"),
    ({"n": 0}, "n"),
    ({"n": 1000}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": "many"}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_completion_tokens": -5}, "max_completion_tokens"),
    ({"max_tokens": 3, "max_completion_tokens": 4}, None),
    ({"stop": ""}, "stop"),
    ({"stop": [""]}, "stop"),
    ({"stop": 5}, "stop"),
    ({"stop": ["a"] * 99}, "stop"),
    ({"seed": "x"}, "seed"),
    ({"seed": 2**70}, "seed"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    ({"logprobs": 3}, "logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 3}, None),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "json_schema"}}, "response_format"),
    ({"response_format": {"type": "json_object"}}, "response_format"),  # this engine cannot
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"functions": [{}]}, "functions"),
    ({"modalities": ["audio"]}, "modalities"),
    ({"logit_bias": {"5": 1}}, "logit_bias"),
    ({"min_p": 0.1}, "min_p"),
    ({"repetition_penalty": 1.2}, "repetition_penalty"),
]

COMPLETIONS = [
    ({"prompt": None}, "prompt"),
    ({"prompt": 5}, "prompt"),
    ({"prompt": []}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": [1, "a"]}, "prompt"),
    ({"prompt": [-1]}, "prompt"),
    ({"prompt": [True]}, "prompt"),
    ({"prompt": [2**40]}, "prompt"),
    ({"prompt": [[]]}, "prompt"),
    ({"prompt": ["a"] * 100}, "prompt"),
    ({"prompt": ["a"] * 10, "n": 10}, None),
    ({"prompt": "x" * 3000}, "prompt"),
    ({"suffix": "end"}, "suffix"),
    ({"best_of": 3}, None),
    ({"logprobs": 21}, "logprobs"),
    ({"logprobs": True}, "logprobs"),
    ({"echo": True, "logprobs": 1}, None),
    ({"max_tokens": -1}, "max_tokens"),
]


def refused(client: TestClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert "\n" not in error["message"]
    return error


@pytest.mark.parametrize(("change", "param"), CHAT, ids=lambda value: str(value)[:50])
def test_chat(client: TestClient, scripted: ScriptedEngine, change: dict[str, Any], param: str | None) -> None:
    for stream in ({}, {"stream": True}):
        error = refused(client, "/v1/chat/completions", {**GOOD, **stream, **change})
        assert error["param"] == param
    assert scripted.samplings == []


@pytest.mark.parametrize(("change", "param"), COMPLETIONS, ids=lambda value: str(value)[:50])
def test_completions(client: TestClient, scripted: ScriptedEngine, change: dict[str, Any], param: str | None) -> None:
    assert refused(client, "/v1/completions", {**PROMPT, **change})["param"] == param
    assert scripted.samplings == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"model": NaN}',
        b'{"model": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"model": "assistant", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "assistant", "seed": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_no_json_object(client: TestClient, data: bytes) -> None:
    response = client.post("/v1/chat/completions", content=data)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"


def test_path_method_and_size(client: TestClient) -> None:
    assert client.get("/v1/nothing").json()["error"]["code"] == "unknown_url"
    assert client.get("/v1/nothing").status_code == 404
    wrong = client.get("/v1/chat/completions")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert wrong.json()["error"]["code"] == "method_not_allowed"
    large = client.post("/v1/chat/completions", content=b" " * (MAX_BODY_BYTES + 1))
    assert large.status_code == 413
    assert large.json()["error"]["code"] == "body_too_large"


def test_smallest_values_do_no_harm(client: TestClient, scripted: ScriptedEngine) -> None:
    response = client.post("/v1/chat/completions", json={**GOOD, "temperature": 5e-324, "top_p": 0, "top_k": -1})
    assert response.status_code == 200
    assert (scripted.samplings[0].temperature, scripted.samplings[0].top_k) == (0.0, 0)


def test_gateway_goes_on_after_bad_requests(client: TestClient) -> None:
    for _ in range(50):
        client.post("/v1/chat/completions", content=json.dumps({"messages": 5}))
    assert client.post("/v1/chat/completions", json=GOOD).status_code == 200
