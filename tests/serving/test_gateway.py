"""The API as OpenAI's own client sees it, and the shape of every answer."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from openai import DefaultHttpxClient, OpenAI
from scripted_engine import ANSWER, ScriptedEngine

QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
TEXT = "".join(ANSWER)


@pytest.fixture
def sdk(address: str) -> Any:
    with OpenAI(
        base_url=f"{address}/v1",
        api_key="none",
        max_retries=0,
        timeout=30,
        http_client=DefaultHttpxClient(trust_env=False),
    ) as sdk:
        yield sdk


def test_sdk_chat(sdk: OpenAI, scripted: ScriptedEngine) -> None:
    reply = sdk.chat.completions.create(
        model="assistant",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        ],
        temperature=0.5,
        top_p=0.9,
        seed=3,
        stop=["\n"],
        presence_penalty=0.1,
        frequency_penalty=0.2,
        user="someone",
    )
    assert reply.id.startswith("chatcmpl-")
    assert reply.object == "chat.completion"
    assert reply.model == "assistant"
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].message.content == TEXT
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == len(ANSWER)
    assert reply.usage.prompt_tokens == len(scripted.prompts[0])
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert scripted.prompts == ["<system>Be brief.<user>Hi"]
    sampling = scripted.samplings[0]
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop) == (0.5, 0.9, 3, ("\n",))
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (0.1, 0.2)


def test_sdk_stream(sdk: OpenAI) -> None:
    chunks = list(
        sdk.chat.completions.create(
            model="assistant@1", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(ANSWER)
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_sdk_limits(sdk: OpenAI) -> None:
    for limit in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
        reply = sdk.chat.completions.create(model="assistant", messages=QUESTION, **limit)  # type: ignore[call-overload]
        assert reply.choices[0].message.content == "Paris is the"
        assert reply.choices[0].finish_reason == "length"


def test_sdk_several_choices_have_their_own_seeds(sdk: OpenAI, scripted: ScriptedEngine) -> None:
    reply = sdk.chat.completions.create(model="assistant", messages=QUESTION, n=3, seed=10)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert [sampling.seed for sampling in scripted.samplings] == [10, 11, 12]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == len(scripted.prompts[0])
    assert reply.usage.completion_tokens == 3 * len(ANSWER)


def test_sdk_logprobs(sdk: OpenAI) -> None:
    reply = sdk.chat.completions.create(model="assistant", messages=QUESTION, logprobs=True, top_logprobs=2)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [entry.token for entry in logprobs.content] == ANSWER
    assert logprobs.content[0].logprob == -0.25
    assert bytes(logprobs.content[0].bytes or []) == b"Paris"
    assert len(logprobs.content[0].top_logprobs) == 2


def test_sdk_completions(sdk: OpenAI, scripted: ScriptedEngine) -> None:
    reply = sdk.completions.create(model="assistant", prompt=["One", "Two"], n=2, echo=True, max_tokens=2)
    assert [choice.text for choice in reply.choices] == ["OneParis is"] * 2 + ["TwoParis is"] * 2
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 6
    reply = sdk.completions.create(model="assistant", prompt=[72, 105], logprobs=1)
    assert scripted.prompts[-1] == "Hi"
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens == ANSWER
    assert logprobs.text_offset == [0, 5, 8, 12, 20, 23, 30]
    reply = sdk.completions.create(model="assistant", prompt=[[72], [105]], max_tokens=0, echo=True)
    assert [choice.text for choice in reply.choices] == ["H", "i"]
    chunks = list(sdk.completions.create(model="assistant", prompt="Say: ", echo=True, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == f"Say: {TEXT}"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_sdk_models(sdk: OpenAI) -> None:
    assert [model.id for model in sdk.models.list()] == ["assistant"]
    assert sdk.models.retrieve("assistant@1").id == "assistant"
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("gpt-4o")


def test_sdk_errors(sdk: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        sdk.chat.completions.create(model="other", messages=QUESTION)
    assert unknown.value.code == "model_not_found"
    assert unknown.value.param == "model"
    with pytest.raises(openai.BadRequestError) as long:
        sdk.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "x" * 3000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "refuse"}])
    assert refused.value.param == "messages"
    with pytest.raises(openai.InternalServerError) as fault:
        sdk.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "break"}])
    assert "secret" not in str(fault.value)


def test_stream_is_server_sent_events(client: TestClient) -> None:
    response = client.post("/v1/chat/completions", json={"model": "assistant", "messages": QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert events[0]["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    ]
    assert events[-1]["choices"][0]["delta"] == {}
    assert all("usage" not in event for event in events)


def test_fault_within_a_stream_is_an_event(client: TestClient) -> None:
    body = {"model": "assistant", "messages": [{"role": "user", "content": "break"}], "stream": True}
    response = client.post("/v1/chat/completions", json=body)
    assert '"type":"server_error"' in response.text
    assert "secret" not in response.text
    assert response.text.endswith("data: [DONE]\n\n")


def test_developer_messages_become_system_messages(client: TestClient, scripted: ScriptedEngine) -> None:
    messages = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    assert client.post("/v1/chat/completions", json={"model": "assistant", "messages": messages}).status_code == 200
    assert scripted.prompts == ["<system>Be kind.<user>Hi"]


def test_unknown_fields_are_named(client: TestClient) -> None:
    body = {"model": "assistant", "messages": QUESTION, "store": True, "zebra": 1, "bad\r\nname": 2}
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200
    assert response.headers["x-danlu-ignored-fields"] == "zebra"


def test_null_is_as_good_as_nothing(client: TestClient, scripted: ScriptedEngine) -> None:
    body = {"model": "assistant", "messages": QUESTION, "temperature": None, "stop": None, "tools": None, "n": None}
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert scripted.samplings[0].temperature == 1.0


def test_health_and_page(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "model": "assistant", "engine": "scripted"}
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_log_has_no_text(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        client.post("/v1/chat/completions", json={"model": "assistant", "messages": QUESTION})
        client.post(
            "/v1/chat/completions",
            json={"model": "assistant", "messages": [{"role": "user", "content": "France break"}]},
        )
        client.get("/v1/models/my-France-secret")
        client.get("/France")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("danlu")]
    assert ours[0].startswith("POST /v1/chat/completions 200")
    assert any("RuntimeError at" in line for line in ours)
    assert not any("France" in line or "Paris" in line for line in ours)
