"""Giving the answers of one request: wait for a place, generate them one after another, word them as OpenAI does."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

from danlu.serving.admission import Admission
from danlu.serving.disconnect import ClientGone, while_connected
from danlu.serving.engines.engine import Engine, Finish, InputRefused, Piece, Sampling, TokenLogprob
from danlu.serving.errors import ApiError, server_fault
from danlu.serving.generation import generating
from danlu.serving.replies import Envelope, Usage, chat_logprobs, completion_logprobs
from danlu.serving.requests import ChatRequest, CompletionRequest
from danlu.serving.traffic_log import log_fault


@dataclass(frozen=True)
class Job:
    """One choice to generate."""

    index: int
    prompt: Sequence[int]
    echo: str
    """The prompt's text if it is to stand before the answer, else empty."""
    sampling: Sampling


@dataclass(frozen=True)
class Step:
    """Something that happened to a choice: it began (`item` is None), grew or ended."""

    job: Job
    item: Piece | Finish | None


class Answers(ABC):
    """The answers to one request, either whole (`collect`) or in server-sent events (`stream`)."""

    def __init__(self, envelope: Envelope, *, n: int, include_usage: bool) -> None:
        self.usage = Usage()
        self._envelope = envelope
        self._n = n
        self._include_usage = include_usage

    async def run(
        self, jobs: Sequence[Job], engine: Engine, executor: Executor, admission: Admission
    ) -> AsyncGenerator[Step, None]:
        """Generate the jobs in one place, one after another.

        Raises:
            ApiError: 429, the queue is full.
            InputRefused: the engine cannot work with a prompt or setting after all.
        """
        async with admission.place():
            for job in jobs:
                if job.index % self._n == 0:
                    self.usage.prompt_tokens += len(job.prompt)
                yield Step(job, None)
                if job.sampling.max_tokens == 0:
                    yield Step(job, Finish("length", 0))
                    continue
                async with generating(engine, executor, job.prompt, job.sampling) as items:
                    async for item in items:
                        if isinstance(item, Finish):
                            self.usage.completion_tokens += item.num_tokens
                        yield Step(job, item)

    async def collect(self, steps: AsyncGenerator[Step, None]) -> dict[str, Any]:
        """The whole response object."""
        texts: list[str] = []
        logprobs: list[list[TokenLogprob]] = []
        choices = []
        async with aclosing(steps):
            async for step in steps:
                if step.item is None:
                    texts, logprobs = [step.job.echo], [[]]
                elif isinstance(step.item, Piece):
                    texts.append(step.item.text)
                    logprobs[0].extend(step.item.logprobs)
                else:
                    choices.append(self.whole_choice(step.job, "".join(texts), logprobs[0], step.item.reason))
        return self._envelope.wrap(self.whole_kind, choices, usage=self.usage.body())

    async def stream(self, steps: AsyncGenerator[Step, None]) -> AsyncGenerator[str, None]:
        """The response as the ``data:`` lines of server-sent events, ``[DONE]`` last.

        A fault after the beginning is told as an event with ``error``, since the status has been sent.
        """
        try:
            async with aclosing(steps):
                async for step in steps:
                    for choice in self.chunk_choices(step):
                        yield self._event([choice])
            if self._include_usage:
                yield self._event([], usage=self.usage.body())
        except (ApiError, InputRefused) as error:
            told = error if isinstance(error, ApiError) else ApiError(400, str(error), param=error.param)
            yield _line(told.body())
        except Exception as error:
            log_fault(error)
            yield _line(server_fault().body())
        yield "data: [DONE]\n\n"

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> str:
        if self._include_usage:
            more.setdefault("usage", None)
        return _line(self._envelope.wrap(self.chunk_kind, choices, **more))

    whole_kind: str
    chunk_kind: str

    @abstractmethod
    def whole_choice(self, job: Job, text: str, logprobs: Sequence[TokenLogprob], reason: str) -> dict[str, Any]:
        """An entry of ``choices`` in the whole response."""

    @abstractmethod
    def chunk_choices(self, step: Step) -> list[dict[str, Any]]:
        """What a step puts into ``choices``, one event each."""


class ChatAnswers(Answers):
    whole_kind = "chat.completion"
    chunk_kind = "chat.completion.chunk"

    def __init__(self, body: ChatRequest) -> None:
        super().__init__(Envelope("chatcmpl", body.model), n=body.n, include_usage=body.include_usage)
        self._logprobs = body.logprobs

    def whole_choice(self, job: Job, text: str, logprobs: Sequence[TokenLogprob], reason: str) -> dict[str, Any]:
        return {
            "index": job.index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": chat_logprobs(logprobs) if self._logprobs else None,
            "finish_reason": reason,
        }

    def chunk_choices(self, step: Step) -> list[dict[str, Any]]:
        if step.item is None:
            return [self._chunk(step, {"role": "assistant", "content": ""}, None)]
        if isinstance(step.item, Finish):
            return [self._chunk(step, {}, step.item.reason)]
        choice = self._chunk(step, {"content": step.item.text}, None)
        if self._logprobs:
            choice["logprobs"] = chat_logprobs(step.item.logprobs)
        return [choice]

    def _chunk(self, step: Step, delta: dict[str, str], reason: str | None) -> dict[str, Any]:
        return {"index": step.job.index, "delta": delta, "logprobs": None, "finish_reason": reason}


class CompletionAnswers(Answers):
    whole_kind = "text_completion"
    chunk_kind = "text_completion"

    def __init__(self, body: CompletionRequest) -> None:
        super().__init__(Envelope("cmpl", body.model), n=body.n, include_usage=body.include_usage)
        self._logprobs = body.logprobs is not None
        self._length = 0
        """Characters of the current choice that have been streamed."""

    def whole_choice(self, job: Job, text: str, logprobs: Sequence[TokenLogprob], reason: str) -> dict[str, Any]:
        return {
            "index": job.index,
            "text": text,
            "logprobs": completion_logprobs(logprobs, len(job.echo)) if self._logprobs else None,
            "finish_reason": reason,
        }

    def chunk_choices(self, step: Step) -> list[dict[str, Any]]:
        if step.item is None:
            self._length = len(step.job.echo)
            return [self._chunk(step, step.job.echo, None)] if step.job.echo else []
        if isinstance(step.item, Finish):
            return [self._chunk(step, "", step.item.reason)]
        choice = self._chunk(step, step.item.text, None)
        if self._logprobs:
            choice["logprobs"] = completion_logprobs(step.item.logprobs, self._length)
        self._length += len(step.item.text)
        return [choice]

    def _chunk(self, step: Step, text: str, reason: str | None) -> dict[str, Any]:
        return {"index": step.job.index, "text": text, "logprobs": None, "finish_reason": reason}


class EventStream(Response):
    """Sends server-sent events, and closes their source when they end or the client hangs up, whichever is first."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None], headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientGone):
            await while_connected(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for event in events:
                await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _line(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n"
