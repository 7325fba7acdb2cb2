"""Engine for GGUF files: llama.cpp inside this process, several answers in one batch.

xllamacpp wraps llama.cpp's server object. Answers are generated through its direct calls; templates and tokenising are
only offered by the listener it opens on loopback, which is therefore locked with a random key.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.hardware.machine import num_usable_cores
from danlu.hardware.threads import let_waiting_threads_sleep
from danlu.serving.engines.engine import Candidate, Emit, Finish, InputRefused, Message, Piece, Sampling, TokenLogprob
from danlu.serving.engines.gguf_header import read_header

BATCH_TOKENS = 512
"""A prompt is read in steps of this many tokens; between two of them a cancelled answer is noticed."""


class LlamaCppEngine:
    """See `danlu.serving.engines.engine.Engine`."""

    name = "llamacpp"
    json_schema = True

    def __init__(self, path: Path, *, max_context: int, parallel: int) -> None:
        header = read_header(path)
        architecture = header.get("general.architecture")
        longest = int(header.get(f"{architecture}.context_length", max_context))
        self.context_length = min(longest, max_context)
        self.vocabulary_size = int(header.get("tokenizer.ggml.tokens", 0))
        self.parallel = parallel
        self._template = header.get("tokenizer.chat_template", "")
        self.has_chat_template = bool(self._template)
        self._key = secrets.token_urlsafe(32)
        self._server = self._load(path)
        self._client = self._connect()
        self._chat_start = self._taken_off_chats()

    def _load(self, path: Path) -> Any:
        let_waiting_threads_sleep()  # 48 tokens: 35 to 60 s spinning on two busy cores, 2 to 4 s asleep
        try:
            import xllamacpp
        except ImportError as error:
            raise UserError(
                "The llama.cpp engine is not installed (xllamacpp).",
                "Install it with: pip install 'danlu[serve]', or serve with --engine transformers.",
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = num_usable_cores()
        params.n_ctx = self.context_length * self.parallel
        params.n_parallel = self.parallel
        params.n_batch = params.n_ubatch = min(BATCH_TOKENS, self.context_length)
        params.fit_params = False  # the context is what we say it is, not what llama.cpp thinks will fit
        params.cache_ram_mib = 0  # prompts that have left their place are not kept: that may take 8 GiB
        params.prefill_assistant = False  # an assistant's message is a turn, as the template has it
        params.verbosity = 0
        params.ui = params.endpoint_slots = params.warmup = False
        params.api_keys = [self._key]
        try:
            return xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"llama.cpp cannot load {path}: {error}",
                "Check that the file is whole and that memory suffices; a smaller --context needs less.",
            ) from error

    def _connect(self) -> Any:
        import httpx

        return httpx.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {self._key}"},
            trust_env=False,  # no proxy stands between a process and itself
            timeout=60,
        )

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        if not self.has_chat_template:
            raise InputRefused("This model has no chat template; use /v1/completions.", "messages")
        text = self._ask("/apply-template", {"messages": list(messages)}, "messages")["prompt"]
        return [*self._chat_start, *self._tokenize(text, add_special=False)]

    def _taken_off_chats(self) -> list[int]:
        """What the template writes first but llama.cpp takes off, since it adds the same to any text: its bos token."""
        body = {"content": "a", "add_special": True, "with_pieces": True}
        first = self._ask("/tokenize", body, "prompt")["tokens"][0]
        is_added = self._tokenize("a", add_special=False)[0] != first["id"]
        is_written = any(name in self._template for name in ("bos_token", first["piece"]))
        return [first["id"]] if is_added and is_written else []

    def encode(self, text: str) -> list[int]:
        return self._tokenize(text, add_special=True)

    def _tokenize(self, text: str, *, add_special: bool) -> list[int]:
        body = {"content": text, "add_special": add_special, "parse_special": True}
        token_ids: list[int] = self._ask("/tokenize", body, "prompt")["tokens"]
        return token_ids

    def decode(self, token_ids: Sequence[int]) -> str:
        text: str = self._ask("/detokenize", {"tokens": list(token_ids)}, "prompt")["content"]
        return text

    def _ask(self, path: str, body: dict[str, Any], param: str) -> dict[str, Any]:
        response = self._client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        answer: dict[str, Any] = response.json()
        if "error" in answer:
            raise InputRefused(f"The model's chat template or tokenizer refuses this: {_message(answer)}", param)
        return answer

    def generate(self, prompt: Sequence[int], sampling: Sampling, emit: Emit) -> Finish:
        answer = _Answer(emit)
        self._server.handle_completions(self._request(prompt, sampling), answer.take)
        return answer.finish()

    def _request(self, prompt: Sequence[int], sampling: Sampling) -> dict[str, Any]:
        request: dict[str, Any] = {
            "prompt": list(prompt),
            "max_tokens": min(sampling.max_tokens, self.context_length - len(prompt)),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": 0.0,
            "seed": secrets.randbits(31) if sampling.seed is None else sampling.seed % 2**32,
            "stop": list(sampling.stop),
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
            "repeat_last_n": self.context_length,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        if sampling.logprobs is not None:
            request["logprobs"] = max(sampling.logprobs, 1)
        if sampling.json_schema is not None:
            request["json_schema"] = sampling.json_schema
        return request

    def close(self) -> None:
        self._client.close()
        del self._server


class _Answer:
    """Takes llama.cpp's chunks of one answer and passes them on as pieces."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._reason: str | None = None
        self._num_tokens = 0
        self._cancelled = False
        self._error: dict[str, Any] | None = None
        self._fault: BaseException | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Called from llama.cpp for each chunk; True ends the answer. llama.cpp swallows exceptions, so they wait."""
        try:
            return self._take(chunk)
        except BaseException as error:
            self._fault = error
            return True

    def _take(self, chunk: dict[str, Any]) -> bool:
        if "error" in chunk:
            self._error = chunk
            return True
        if chunk.get("usage"):
            self._num_tokens = int(chunk["usage"]["completion_tokens"])
        for choice in chunk["choices"]:
            self._reason = choice["finish_reason"] or self._reason
            content = (choice.get("logprobs") or {}).get("content", [])
            if choice["text"] and not chunk.get("usage"):
                self._num_tokens += 1
            self._cancelled = not self._emit(Piece(choice["text"], tuple(_logprob(entry) for entry in content)))
        return self._cancelled

    def finish(self) -> Finish:
        if self._fault is not None:
            raise self._fault
        if self._error is not None:
            detail = self._error["error"]
            if isinstance(detail, dict) and detail.get("code") == 400:
                raise InputRefused(_message(self._error))
            raise RuntimeError(f"llama.cpp: {_message(self._error)}")
        if self._cancelled:
            return Finish("cancelled", self._num_tokens)
        if self._reason is None:
            raise RuntimeError("llama.cpp ended an answer without saying why")
        return Finish("length" if self._reason == "length" else "stop", self._num_tokens)


def _message(answer: dict[str, Any]) -> str:
    detail = answer["error"]
    return str(detail.get("message", detail) if isinstance(detail, dict) else detail)


def _logprob(entry: dict[str, Any]) -> TokenLogprob:
    return TokenLogprob(_candidate(entry), [_candidate(other) for other in entry["top_logprobs"]])


def _candidate(entry: dict[str, Any]) -> Candidate:
    return Candidate(entry["token"], entry["logprob"], entry["bytes"])
