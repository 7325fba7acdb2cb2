"""llama.cpp as an independent reader of the GGUF files, where it is installed (xllamacpp, part of ``danlu[serve]``).

Its answers are asked for in this process. Templates and tokenising are only offered over HTTP; for these its server
listens on a free port of the loopback interface, behind a random key, while the check runs.
"""

from __future__ import annotations

import json
import secrets
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from danlu.errors import UserError

TIMEOUT_SECONDS = 120


def is_installed() -> bool:
    """Whether llama.cpp can be asked."""
    return find_spec("xllamacpp") is not None


class LlamaCpp:
    """A GGUF file loaded by llama.cpp on the processor.

    Raises:
        UserError: llama.cpp does not load the file.
    """

    def __init__(self, path: Path, *, context: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.n_parallel = 1
        params.n_gpu_layers = 0
        # More would wait for each other by spinning, which is slow beside other work; the prompts are short.
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.fit_params = params.warmup = params.ui = params.endpoint_slots = False
        params.cache_ram_mib = 0
        params.verbosity = 0
        self._key = secrets.token_urlsafe(32)
        params.api_keys = [self._key]
        try:
            self._server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"llama.cpp does not load the exported file {path.name}: {error}",
                "Leave this format out, and report the model's architecture and tokenizer.",
            ) from error

    def rendered(self, messages: list[dict[str, str]]) -> str:
        """The prompt that llama.cpp's own template engine makes of a conversation."""
        return str(self._post("/apply-template", {"messages": messages})["prompt"])

    def tokenise(self, text: str, *, add_special: bool = False) -> list[int]:
        """Token ids, special tokens recognised; with or without those that llama.cpp puts around a text."""
        body = {"content": text, "add_special": add_special, "parse_special": True}
        ids: list[int] = self._post("/tokenize", body)["tokens"]
        return ids

    def top_log_probabilities(self, ids: list[int], count: int, *, end_id: int) -> dict[int, float]:
        """The likeliest next tokens after a prompt: id -> natural logarithm of the probability.

        Args:
            ids: The prompt.
            count: How many.
            end_id: The end-of-sequence token. It is made to be sampled (probabilities are reported as they were
                before), because llama.cpp reports nothing for a token that is only a part of a character.
        """
        request = {"prompt": ids, "n_predict": 1, "n_probs": count, "temperature": 0, "logit_bias": [[end_id, 1e4]]}
        (choice,) = self._server.handle_completions(request)["choices"]
        (first,) = choice["logprobs"]["content"]
        return {each["id"]: each["logprob"] for each in first["top_logprobs"]}

    def answer(self, messages: list[dict[str, str]], max_tokens: int) -> str:
        """A greedy answer in a chat."""
        request = {"messages": messages, "max_tokens": max_tokens, "temperature": 0}
        return str(self._server.handle_chat_completions(request)["choices"][0]["message"]["content"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self._server.listening_address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
            content: dict[str, Any] = json.load(reply)
        return content
