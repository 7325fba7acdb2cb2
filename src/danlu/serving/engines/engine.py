"""What the gateway and the terminal ask of an engine.

An engine takes token ids and gives pieces of text. Rendering a conversation is part of it, because the chat template
and the tokenizer belong to the model file the engine read; everything OpenAI-shaped is the gateway's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

MAX_CONTEXT = 8192
"""Tokens of context that are reserved unless the user asks for more; long-context models would claim all memory."""

Message = dict[str, Any]
"""``{"role", "content"}``, and ``tool_calls``, ``tool_call_id`` or ``name`` where the client gave them."""


class InputRefused(Exception):  # noqa: N818 - it is the client's input that is wrong
    """The engine cannot work with this input. The message is for the client.

    Args:
        message: One sentence saying what is wrong.
        param: The request's field that is to blame, where the engine knows.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen and when to stop."""

    max_tokens: int
    temperature: float = 1.0
    """0 takes the most probable token each time."""
    top_p: float = 1.0
    top_k: int = 0
    """0: no limit."""
    seed: int | None = None
    """None: another one each time."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer; they do not appear in it."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logprobs: int | None = None
    """How many alternatives to list with each token's log probability; None: no log probabilities."""
    json_schema: dict[str, Any] | None = None
    """Only text that is JSON of this schema may come out. Only for engines whose `json_schema` is True."""

    def for_choice(self, index: int) -> Sampling:
        """The settings of the `index`-th answer to one prompt: with a seed, each answer has its own."""
        return self if self.seed is None else replace(self, seed=self.seed + index)


@dataclass(frozen=True)
class Candidate:
    """A token and its natural-log probability before temperature and the other settings of sampling."""

    token: str
    logprob: float
    token_bytes: list[int] | None
    """UTF-8; None where the token holds only part of a character and the engine cannot tell which."""


@dataclass(frozen=True)
class TokenLogprob:
    chosen: Candidate
    top: list[Candidate]


@dataclass(frozen=True)
class Piece:
    """A bit of answer. The text may be empty: then it is only a sign of life."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Finish:
    """How an answer ended."""

    reason: Literal["stop", "length", "cancelled"]
    num_tokens: int
    """Tokens generated; the end-of-turn token counts where the engine counts it."""


Emit = Callable[[Piece], bool]
"""Takes a piece; says whether to go on."""


class Engine(Protocol):
    """A loaded model. `encode`, `encode_chat` and `generate` may be called from several threads."""

    name: str
    """As in the table of engines."""
    context_length: int
    """Prompt and answer together, in tokens."""
    vocabulary_size: int
    parallel: int
    """Answers that are generated at once; further calls of `generate` wait."""
    json_schema: bool
    """Whether `Sampling.json_schema` is obeyed."""
    has_chat_template: bool
    """Whether the model takes conversations; one that has only read text goes on with texts."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """The conversation in the model's own chat template, ending where the assistant is to speak.

        Raises:
            InputRefused: the model has no template, or its template refuses the conversation.
        """

    def encode(self, text: str) -> list[int]:
        """Plain text, with the marks of a beginning that the tokenizer puts before any text."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids."""

    def generate(self, prompt: Sequence[int], sampling: Sampling, emit: Emit) -> Finish:
        """Continue `prompt`, handing over each piece as it comes. Returns when the answer has ended.

        The end-of-turn token ends the answer and is not part of its text. An answer also ends, as ``length``, where
        the context is full.

        Raises:
            InputRefused: the engine cannot work with the prompt or the settings.
        """

    def close(self) -> None:
        """Give the memory back. The engine cannot be used afterwards."""


class EngineClass(Protocol):
    """What the table of engines holds."""

    def __call__(self, path: Path, *, max_context: int, parallel: int) -> Engine:
        """Load the model at `path`, for `parallel` answers at once where the engine can, and at most `max_context`
        tokens each.

        Raises:
            UserError: the files cannot be read as a model, or the engine is not installed.
        """
