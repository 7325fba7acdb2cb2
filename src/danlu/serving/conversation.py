"""A talk with a loaded engine, kept in memory: what the terminal needs of a model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from danlu.errors import UserError
from danlu.serving.engines.engine import Engine, InputRefused, Message, Piece, Sampling


@dataclass(frozen=True)
class Reply:
    text: str
    reason: str
    """``stop``, ``length`` or ``cancelled``."""
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Conversation:
    """Turns so far, and the engine that answers. A model without a chat template goes on with each text by itself.

    Args:
        engine: Loaded.
        sampling: For every answer.
        system: The system message; None leaves it to the model's template.

    Raises:
        UserError: there is a system message, but no chat template to put it into.
    """

    def __init__(self, engine: Engine, sampling: Sampling, system: str | None = None) -> None:
        if system is not None and not engine.has_chat_template:
            raise UserError("The model has no chat template, so a system message has no place.", "Leave --system out.")
        self._engine = engine
        self._sampling = sampling
        self._system: list[Message] = [{"role": "system", "content": system}] if system is not None else []
        self._turns: list[Message] = []

    def reset(self) -> None:
        """Forget the turns; the system message stays."""
        self._turns = []

    def ask(self, question: str, on_text: Callable[[str], None]) -> Reply:
        """The answer to `question`, handed to `on_text` as it comes. An interrupted answer leaves no trace in the talk.

        Raises:
            UserError: the conversation does not fit into the context, or the template refuses it.
        """
        turns: list[Message] = [*self._turns, {"role": "user", "content": question}]
        prompt = self._prompt(turns)
        if len(prompt) >= self._engine.context_length:
            raise UserError(
                f"The conversation has {len(prompt)} tokens; the context holds {self._engine.context_length}.",
                "Begin anew with /reset, or write less.",
            )
        parts: list[str] = []

        def emit(piece: Piece) -> bool:
            if piece.text:
                parts.append(piece.text)
                on_text(piece.text)
            return True

        started = time.perf_counter()
        try:
            finish = self._engine.generate(prompt, self._sampling, emit)
        except InputRefused as error:
            raise UserError(f"The engine refuses this: {error}", "Change the settings of the answer.") from error
        text = "".join(parts)
        if self._engine.has_chat_template:
            self._turns = [*turns, {"role": "assistant", "content": text}]
        return Reply(text, finish.reason, len(prompt), finish.num_tokens, time.perf_counter() - started)

    def _prompt(self, turns: list[Message]) -> list[int]:
        try:
            if not self._engine.has_chat_template:
                return self._engine.encode(turns[-1]["content"])
            return self._engine.encode_chat([*self._system, *turns])
        except InputRefused as error:
            raise UserError(str(error), "Use a model with a chat template that takes such a conversation.") from error
