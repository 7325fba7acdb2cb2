"""What clients may send: OpenAI's request bodies, checked field by field.

Three kinds of fields are told apart. Settings that are obeyed are declared below. Settings that would change the answer
and are not supported are refused unless they hold a value that means nothing. Fields that only describe the request are
accepted; any other field is accepted too, since clients add their own, and named in the response header
``x-danlu-ignored-fields``.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from danlu.serving.errors import ApiError
from danlu.serving.json_schema import check_json_schema

MAX_CHOICES = 16
MAX_PROMPTS = 64
MAX_STOP_TEXTS = 16
SMALLEST_TEMPERATURE = 1e-3
"""Below it, sampling is the most probable token each time, and the division would overflow."""

# Setting -> values that mean nothing.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"], []),
    "audio": (),
    "prediction": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
    "web_search_options": (),
    "logit_bias": ({},),
    "suffix": ("",),
    # Settings of other servers that would change the answer.
    "min_p": (0, 0.0),
    "repetition_penalty": (1, 1.0),
    "repeat_penalty": (1, 1.0),
    "min_tokens": (0,),
    "ignore_eos": (False,),
    "grammar": ("",),
    "guided_json": (),
    "guided_regex": (),
    "guided_choice": (),
    "chat_template": (),
    "add_generation_prompt": (True,),
    "continue_final_message": (False,),
}

HARMLESS = frozenset(
    {
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "parallel_tool_calls",
    }
)


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class GenerationRequest(BaseModel):
    """What chat and plain completions have in common."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = Field(1, ge=1, le=MAX_CHOICES)
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, ge=0, le=1)
    top_k: int = Field(0, ge=-1)
    """No OpenAI field, but a common one. 0 and -1: no limit."""
    stop: list[str] = Field(default_factory=list)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, body: Any) -> Any:
        # OpenAI documents every optional field as nullable.
        return {key: value for key, value in body.items() if value is not None} if isinstance(body, dict) else body

    @field_validator("stop", mode="before")
    @classmethod
    def _stop(cls, value: Any) -> list[str]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
            raise ValueError("must be a text or a list of texts, none of them empty")
        if len(texts) > MAX_STOP_TEXTS:
            raise ValueError(f"at most {MAX_STOP_TEXTS} texts, not {len(texts)}")
        return texts

    @field_validator("temperature")
    @classmethod
    def _temperature(cls, value: float) -> float:
        return value if value >= SMALLEST_TEMPERATURE else 0.0

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def ignored_fields(self) -> list[str]:
        """Unknown fields, by name, as far as a name can stand in a header."""
        names = sorted(set(self.model_extra or {}) - HARMLESS - set(UNSUPPORTED))
        return [name for name in names if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name)][:32]


class ChatMessage(BaseModel):
    """One turn. Beyond role and content, only what chat templates read is kept."""

    model_config = ConfigDict(strict=True, extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _content(cls, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValueError("must be a text or a list of text parts")
        return "".join(_part(part) for part in value)

    @model_validator(mode="after")
    def _has_content(self) -> ChatMessage:
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("content is required")
        return self

    def for_template(self) -> dict[str, Any]:
        message = self.model_dump(exclude_none=True)
        # Templates know OpenAI's newer name for the system role only as "system".
        message["role"] = "system" if self.role == "developer" else self.role
        message.setdefault("content", "")
        return message


def _part(part: Any) -> str:
    if not isinstance(part, dict) or "type" not in part:
        raise ValueError("each part must be an object with a type")
    if part["type"] != "text":
        raise ValueError(f"parts of type {part['type']!r} are not supported, only 'text'")
    if not isinstance(part.get("text"), str):
        raise ValueError("a text part must have a text")
    text: str = part["text"]
    return text


class ChatRequest(GenerationRequest):
    """Body of ``POST /v1/chat/completions``."""

    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: dict[str, Any] | None = None

    @field_validator("response_format")
    @classmethod
    def _response_format(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is None or value.get("type") in ("text", "json_object"):
            return value
        if value.get("type") != "json_schema":
            raise ValueError("type must be 'text', 'json_object' or 'json_schema'")
        holder = value.get("json_schema")
        if not isinstance(holder, dict) or not isinstance(holder.get("schema"), dict):
            raise ValueError("json_schema.schema must be an object")
        check_json_schema(holder["schema"])
        return value

    @model_validator(mode="after")
    def _consistent(self) -> ChatRequest:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        both = (self.max_tokens, self.max_completion_tokens)
        if None not in both and both[0] != both[1]:
            raise ValueError("max_tokens and max_completion_tokens are both given and differ")
        return self

    @property
    def limit(self) -> int | None:
        """Most tokens the answer may have, or None."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema the answer must obey, or None."""
        kind = (self.response_format or {}).get("type")
        if kind == "json_object":
            return {"type": "object"}
        schema: dict[str, Any] | None = self.response_format["json_schema"]["schema"] if kind == "json_schema" else None  # type: ignore[index]
        return schema

    @property
    def num_logprobs(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(GenerationRequest):
    """Body of ``POST /v1/completions``."""

    prompt: list[str | list[int]]
    """Texts or token ids, one answer (or n) for each."""
    max_tokens: int = Field(16, ge=0)
    echo: bool = False
    logprobs: int | None = Field(None, ge=0, le=20)
    best_of: int | None = Field(None, ge=1)

    @field_validator("prompt", mode="before")
    @classmethod
    def _prompt(cls, value: Any) -> list[str | list[int]]:
        if isinstance(value, str):
            return [value]
        wrong = "must be a text, a list of texts, a list of token ids, or a list of such lists"
        if not isinstance(value, list) or not value:
            raise ValueError(wrong)
        if _are_token_ids(value):
            return [value]
        if len(value) > MAX_PROMPTS:
            raise ValueError(f"at most {MAX_PROMPTS} prompts, not {len(value)}")
        if not all(isinstance(item, str) or (isinstance(item, list) and _are_token_ids(item)) for item in value):
            raise ValueError(wrong)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> CompletionRequest:
        if self.best_of not in (None, self.n):
            raise ValueError("best_of is not supported; leave it out or give it the value of n")
        if self.echo and self.logprobs is not None:
            raise ValueError("echo together with logprobs is not supported: the prompt's are not computed")
        if self.n * len(self.prompt) > MAX_PROMPTS:
            raise ValueError(f"at most {MAX_PROMPTS} answers in one request, not {self.n * len(self.prompt)}")
        return self


def _are_token_ids(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, int) and not isinstance(item, bool) and item >= 0 for item in value)


Body = TypeVar("Body", ChatRequest, CompletionRequest)


def parse_body(data: bytes, kind: type[Body]) -> Body:
    """The checked request.

    Raises:
        ApiError: 400, naming the field that is to blame.
    """
    body = _json_object(data)
    _refuse_unsupported(body)
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _for_client(first["type"], first["msg"], first["loc"]) from None


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data.decode(), parse_constant=_no_constant)
        # A lone half of a surrogate pair is valid JSON but no text that can be tokenised or sent back.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else _first_line(error)
        raise ApiError(400, f"The body is not valid JSON: {reason}", code="invalid_json") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    return body


def _first_line(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    return str(error).splitlines()[0]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _refuse_unsupported(body: dict[str, Any]) -> None:
    for name, meaningless in UNSUPPORTED.items():
        value = body.get(name)
        if value is not None and not any(value == other and type(value) is type(other) for other in meaningless):
            raise ApiError(400, f"'{name}' is not supported by this server.", param=name, code="unsupported_parameter")


def _for_client(kind: str, message: str, location: tuple[int | str, ...]) -> ApiError:
    """pydantic's finding as OpenAI words it, for example of ``("messages", 0, "content")``."""
    param = ""
    for part in location:
        param += f"[{part}]" if isinstance(part, int) else f".{part}" if param else part
    message = message.removeprefix("Value error, ")
    if kind == "missing":
        return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    where = f"Invalid '{param}': " if param else ""
    return ApiError(400, f"{where}{message}.", param=param or None, code="invalid_value")
