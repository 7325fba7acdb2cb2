"""OpenAI's response objects, whole and in chunks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from danlu.serving.engines.engine import Candidate, TokenLogprob


@dataclass
class Usage:
    """Tokens of one request."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def body(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


@dataclass(frozen=True)
class Envelope:
    """What every object of one answer repeats.

    Args:
        prefix: Of the id, as OpenAI has it.
        model: As the client called it.
    """

    prefix: str
    model: str
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def wrap(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": f"{self.prefix}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }


def model_body(model_id: str, created: int, context_length: int) -> dict[str, Any]:
    """An entry of ``GET /v1/models``; ``context_length`` is an addition of ours."""
    return {
        "id": model_id,
        "object": "model",
        "created": created,
        "owned_by": "danlu",
        "context_length": context_length,
    }


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """``choices[].logprobs`` of a chat completion."""
    return {
        "content": [
            {**_candidate(token.chosen), "top_logprobs": [_candidate(other) for other in token.top]} for token in tokens
        ],
        "refusal": None,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {"token": candidate.token, "logprob": candidate.logprob, "bytes": candidate.token_bytes}


def completion_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """``choices[].logprobs`` of a plain completion. `offset`: characters of the choice's text before these tokens."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.chosen.token)
    return {
        "tokens": [token.chosen.token for token in tokens],
        "token_logprobs": [token.chosen.logprob for token in tokens],
        "top_logprobs": [{other.token: other.logprob for other in token.top} for token in tokens],
        "text_offset": offsets,
    }
