"""Engine for any Hugging Face directory: plain transformers, one answer at a time.

Slower than llama.cpp on a processor, but it needs nothing besides the training stack and it runs the very weights that
were trained, in bfloat16 where that is fast and in float32 elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.errors import UserError
from danlu.serving.engines.engine import Candidate, Emit, Finish, InputRefused, Message, Piece, Sampling, TokenLogprob
from danlu.serving.engines.text import REPLACEMENT, IncrementalText, StopTexts

if TYPE_CHECKING:
    import torch

UNKNOWN_CONTEXT = 4096
"""Tokens of context for a model whose configuration does not say."""

PREFILL_TOKENS = 512
"""A prompt is read in chunks of this many tokens, which bounds the memory of its attention scores."""


class TransformersEngine:
    """See `danlu.serving.engines.engine.Engine`. `parallel` is not taken up: it is always 1."""

    name = "transformers"
    parallel = 1
    json_schema = False

    def __init__(self, path: Path, *, max_context: int, parallel: int) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import GenerationConfig

        from danlu.hardware.machine import supports_fast_bfloat16
        from danlu.models.load import load_causal_lm, load_tokenizer

        del parallel
        _check_directory(path)
        try:
            self._tokenizer = load_tokenizer(path)
            self._model = load_causal_lm(path, dtype=torch.bfloat16 if supports_fast_bfloat16() else torch.float32)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{path} cannot be loaded as a language model: {str(error).strip().splitlines()[0]}",
                "It must hold config.json, safetensors and the tokenizer of a causal language model.",
            ) from error
        self.has_chat_template = bool(self._tokenizer.chat_template)
        config = self._model.config.get_text_config()
        longest = getattr(config, "max_position_embeddings", None) or UNKNOWN_CONTEXT
        self.context_length = min(int(longest), max_context)
        self.vocabulary_size = int(config.vocab_size)
        self._end_ids = self._end_token_ids()
        # Sampling settings that the directory recommends would otherwise fill in for what a request leaves open.
        self._model.generation_config = GenerationConfig()
        self._lock = threading.Lock()

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        from danlu.models.chat import prompt_ids

        if not self.has_chat_template:
            raise InputRefused("This model has no chat template; use /v1/completions.", "messages")
        try:
            return prompt_ids(self._tokenizer, messages)
        except UserError as error:
            raise InputRefused(error.what, "messages") from error

    def encode(self, text: str) -> list[int]:
        token_ids: list[int] = self._tokenizer(text, verbose=False)["input_ids"]
        return token_ids

    def decode(self, token_ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(token_ids), clean_up_tokenization_spaces=False)
        return text

    def generate(self, prompt: Sequence[int], sampling: Sampling, emit: Emit) -> Finish:
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        from danlu.serving.engines.transformers_hooks import KeepLogits, Penalties, Watcher

        logits = KeepLogits()
        watcher = Watcher(
            emit=emit,
            text=IncrementalText(self._tokenizer),
            stops=StopTexts(sampling.stop),
            end_ids=self._end_ids,
            describe=(lambda token: self._describe(logits.latest, token, sampling.logprobs or 0))
            if sampling.logprobs is not None
            else None,
        )
        settings = GenerationConfig(
            max_new_tokens=min(sampling.max_tokens, self.context_length - len(prompt)),
            eos_token_id=self._end_ids or None,
            pad_token_id=self._end_ids[0] if self._end_ids else 0,
            prefill_chunk_size=PREFILL_TOKENS if len(prompt) > PREFILL_TOKENS else None,
            **_choice_of_token(sampling),
        )
        processors = LogitsProcessorList([logits])
        if sampling.presence_penalty or sampling.frequency_penalty:
            processors.append(Penalties(len(prompt), sampling.presence_penalty, sampling.frequency_penalty))
        with self._lock, torch.inference_mode():
            if not emit(Piece("")):
                return Finish("cancelled", 0)
            if sampling.seed is None:
                torch.seed()
            else:
                torch.manual_seed(sampling.seed)
            input_ids = torch.tensor([list(prompt)], device=self._model.device)
            self._model.generate(
                input_ids=input_ids,
                attention_mask=torch.ones_like(input_ids),
                generation_config=settings,
                logits_processor=processors,
                stopping_criteria=StoppingCriteriaList([watcher]),
            )
        return watcher.finish()

    def close(self) -> None:
        with self._lock:
            del self._model

    def _end_token_ids(self) -> list[int]:
        """Every token that ends an answer: what the template closes a turn with, and what the model's files name."""
        from danlu.models.chat import end_of_turn_ids

        found: list[Any] = [self._tokenizer.eos_token_id]
        if self.has_chat_template:
            with suppress(UserError):  # a template that refuses a plain question says so when it is used
                found += end_of_turn_ids(self._tokenizer)
        for config in (self._model.generation_config, self._model.config.get_text_config()):
            ids = getattr(config, "eos_token_id", None)
            found += ids if isinstance(ids, list) else [ids]
        return list(dict.fromkeys(int(index) for index in found if index is not None))

    def _describe(self, logits_V: torch.Tensor, token: int, num_alternatives: int) -> TokenLogprob:
        """The chosen token and the likeliest ones, with log probabilities of the model's own distribution."""
        import torch

        logprobs_V = torch.log_softmax(logits_V.float(), dim=-1)
        top = torch.topk(logprobs_V, num_alternatives)
        return TokenLogprob(
            self._candidate(token, float(logprobs_V[token])),
            [
                self._candidate(index, value)
                for index, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
            ],
        )

    def _candidate(self, token: int, logprob: float) -> Candidate:
        text = self.decode([token])
        return Candidate(text, logprob, None if REPLACEMENT in text else list(text.encode()))


def _choice_of_token(sampling: Sampling) -> dict[str, Any]:
    if sampling.temperature == 0:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": float(sampling.temperature),
        "top_p": float(sampling.top_p),
        "top_k": sampling.top_k,
    }


def _check_directory(path: Path) -> None:
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise UserError(
            f"{path} holds an adapter without its base model.",
            "Serve the release it belongs to, or merge it: an export stage writes a whole model directory.",
        )
    if not (path / "config.json").is_file():
        raise UserError(
            f"{path} is no Hugging Face model directory: it has no config.json.",
            "Give a directory with config.json, safetensors and a tokenizer, a .gguf file, or a registered name.",
        )
