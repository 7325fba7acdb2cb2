"""The OpenAI API over one engine: ``/v1/chat/completions``, ``/v1/completions``, ``/v1/models``, ``/health`` and ``/``.

A route checks what it was sent, asks the engine for token ids and hands a list of *answers to give* to
`danlu.serving.answers`, which waits for a place and generates them. Nothing of a request's text is ever logged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from danlu.serving.admission import MAX_WAITING, Admission
from danlu.serving.answers import Answers, ChatAnswers, CompletionAnswers, EventStream, Job
from danlu.serving.disconnect import ClientGone, while_connected
from danlu.serving.engines.engine import Engine, InputRefused, Sampling
from danlu.serving.errors import ApiError, server_fault
from danlu.serving.guard import Guard
from danlu.serving.lookup import Servable
from danlu.serving.replies import model_body
from danlu.serving.requests import ChatRequest, CompletionRequest, GenerationRequest, parse_body
from danlu.serving.traffic_log import TrafficLog, log_fault

MAX_BODY_BYTES = 4 * 2**20

PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_app(
    engine: Engine, servable: Servable, *, api_keys: frozenset[str], loopback_only: bool, max_waiting: int = MAX_WAITING
) -> FastAPI:
    """The gateway as an ASGI application.

    Args:
        engine: Loaded; closing it is the caller's.
        servable: What is served, for its names.
        api_keys: Any of them opens ``/v1``. Empty: no key is asked for.
        loopback_only: Answer only requests that name this machine as their host (see `Guard`).
        max_waiting: Requests that may wait while others generate.
    """
    executor = ThreadPoolExecutor(engine.parallel, thread_name_prefix="engine")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        # In a thread, since answers that are cut off now are told so by the event loop.
        await asyncio.to_thread(executor.shutdown)

    # The interactive API pages would load their scripts from the internet.
    app = FastAPI(title="Danlu", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    gateway = _Gateway(engine, servable, executor, Admission(engine.parallel, max_waiting))
    app.add_api_route("/", gateway.page, methods=["GET"])
    app.add_api_route("/health", gateway.health, methods=["GET"])
    app.add_api_route("/v1/models", gateway.models, methods=["GET"])
    app.add_api_route("/v1/models/{model_id:path}", gateway.model, methods=["GET"])
    app.add_api_route("/v1/chat/completions", gateway.chat, methods=["POST"])
    app.add_api_route("/v1/completions", gateway.complete, methods=["POST"])
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientGone, _on_client_gone)
    app.add_exception_handler(Exception, _on_fault)
    app.add_middleware(Guard, api_keys=api_keys, loopback_only=loopback_only)
    app.add_middleware(TrafficLog)
    return app


class _Gateway:
    """The routes."""

    def __init__(self, engine: Engine, servable: Servable, executor: ThreadPoolExecutor, admission: Admission) -> None:
        self._engine = engine
        self._servable = servable
        self._executor = executor
        self._admission = admission
        self._started = int(time.time())
        self._page = files("danlu.serving").joinpath("page/chat.html").read_text(encoding="utf-8")

    async def page(self) -> Response:
        return HTMLResponse(self._page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})

    async def health(self) -> dict[str, str]:
        return {"status": "ok", "model": self._servable.model_id, "engine": self._engine.name}

    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [self._model_body()]}

    async def model(self, model_id: str) -> dict[str, Any]:
        self._check_model(model_id)
        return self._model_body()

    async def chat(self, request: Request) -> Response:
        body = parse_body(await _read_body(request), ChatRequest)
        self._check_model(body.model)
        if body.json_schema is not None and not self._engine.json_schema:
            raise ApiError(
                400,
                f"response_format needs the llama.cpp engine; this model is served by {self._engine.name}.",
                param="response_format",
                code="unsupported_parameter",
            )
        messages = [message.for_template() for message in body.messages]
        prompt = await self._encode(partial(self._engine.encode_chat, messages), "messages")
        sampling = _sampling(
            body,
            max_tokens=body.limit or self._engine.context_length,
            logprobs=body.num_logprobs,
            json_schema=body.json_schema,
        )
        return await self._answer(request, body, ChatAnswers(body), self._jobs(body, [prompt], [""], sampling))

    async def complete(self, request: Request) -> Response:
        body = parse_body(await _read_body(request), CompletionRequest)
        self._check_model(body.model)
        prompts, echoes = [], []
        for given in body.prompt:
            prompts.append(await self._encode(partial(self._token_ids, given), "prompt"))
            echoes.append(await run_in_threadpool(self._text, given) if body.echo else "")
        sampling = _sampling(body, max_tokens=body.max_tokens, logprobs=body.logprobs, json_schema=None)
        return await self._answer(request, body, CompletionAnswers(body), self._jobs(body, prompts, echoes, sampling))

    def _token_ids(self, prompt: str | list[int]) -> list[int]:
        if isinstance(prompt, str):
            return self._engine.encode(prompt)
        unknown = next((index for index in prompt if index >= self._engine.vocabulary_size), None)
        if unknown is not None:
            raise InputRefused(f"Token id {unknown} is not in the vocabulary of {self._engine.vocabulary_size}.")
        return prompt

    def _text(self, prompt: str | list[int]) -> str:
        return prompt if isinstance(prompt, str) else self._engine.decode(prompt)

    async def _encode(self, encode: Callable[[], list[int]], param: str) -> list[int]:
        """Token ids of a prompt that fits.

        Raises:
            ApiError: 400, the engine refuses it or it leaves no room for an answer.
        """
        try:
            prompt = await run_in_threadpool(encode)
        except InputRefused as error:
            raise ApiError(400, str(error), param=error.param or param, code="invalid_prompt") from error
        if not prompt:
            raise ApiError(400, "The prompt is empty.", param=param, code="invalid_prompt")
        if len(prompt) >= self._engine.context_length:
            raise ApiError(
                400,
                f"The context holds {self._engine.context_length} tokens, answer included; the prompt has "
                f"{len(prompt)}. Shorten it.",
                param=param,
                code="context_length_exceeded",
            )
        return prompt

    def _jobs(
        self, body: GenerationRequest, prompts: list[list[int]], echoes: list[str], sampling: Sampling
    ) -> list[Job]:
        """One job for each choice; with a seed, each choice of a prompt has its own."""
        pairs = [(prompt, echo) for prompt, echo in zip(prompts, echoes, strict=True) for _ in range(body.n)]
        return [
            Job(index, prompt, echo, sampling.for_choice(index % body.n)) for index, (prompt, echo) in enumerate(pairs)
        ]

    async def _answer(self, request: Request, body: GenerationRequest, answers: Answers, jobs: list[Job]) -> Response:
        headers = {"x-danlu-ignored-fields": ", ".join(body.ignored_fields)} if body.ignored_fields else {}
        self._admission.check()
        events = answers.run(jobs, self._engine, self._executor, self._admission)
        if body.stream:
            return EventStream(answers.stream(events), headers)
        try:
            whole = await while_connected(request.receive, answers.collect(events))
        except InputRefused as error:
            raise ApiError(400, str(error), param=error.param, code="invalid_value") from error
        return JSONResponse(whole, headers=headers)

    def _check_model(self, model_id: str) -> None:
        if model_id not in (self._servable.model_id, *self._servable.aliases):
            raise ApiError(
                404,
                f"The model '{model_id}' does not exist; this server has '{self._servable.model_id}'.",
                param="model",
                code="model_not_found",
            )

    def _model_body(self) -> dict[str, Any]:
        return model_body(self._servable.model_id, self._started, self._engine.context_length)


def _sampling(
    body: GenerationRequest, *, max_tokens: int, logprobs: int | None, json_schema: dict[str, Any] | None
) -> Sampling:
    return Sampling(
        max_tokens=max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=max(body.top_k, 0),
        seed=body.seed,
        stop=tuple(body.stop),
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        logprobs=logprobs,
        json_schema=json_schema,
    )


async def _read_body(request: Request) -> bytes:
    """The request's body, read no further than is allowed.

    Raises:
        ApiError: 413.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise ApiError(413, f"The body is larger than {MAX_BODY_BYTES} bytes.", code="body_too_large")
    return bytes(data)


async def _on_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), error.status, headers=error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    """What the router found wrong: no such path, or not with this method."""
    assert isinstance(error, HTTPException)
    words = {
        404: ("There is no such address here.", "unknown_url"),
        405: (f"The method {request.method} is not allowed here.", "method_not_allowed"),
    }
    message, code = words.get(error.status_code, (str(error.detail), None))
    return JSONResponse(ApiError(error.status_code, message, code=code).body(), error.status_code, error.headers)


async def _on_client_gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the number is the usual one in logs


async def _on_fault(_: Request, error: Exception) -> Response:
    log_fault(error)
    return JSONResponse(server_fault().body(), 500)
