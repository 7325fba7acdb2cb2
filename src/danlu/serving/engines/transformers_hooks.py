"""What transformers calls back while it generates: the one place where its classes are extended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import LogitsProcessor, StoppingCriteria

from danlu.serving.engines.engine import Emit, Finish, Piece, TokenLogprob
from danlu.serving.engines.text import IncrementalText, StopTexts


class KeepLogits(LogitsProcessor):
    """Keeps the model's own logits of the latest step, shape (vocabulary,), before anything changes them."""

    latest: torch.Tensor

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.latest = scores[0]
        return scores


class Penalties(LogitsProcessor):
    """OpenAI's penalties: off the logit of each token of the answer so far, `presence` once, `frequency` per use."""

    def __init__(self, prompt_tokens: int, presence: float, frequency: float) -> None:
        self._prompt_tokens = prompt_tokens
        self._presence = presence
        self._frequency = frequency

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        counts_V: torch.Tensor = torch.bincount(input_ids[0, self._prompt_tokens :], minlength=scores.shape[-1])
        penalty_V: torch.Tensor = self._presence * (counts_V > 0) + self._frequency * counts_V
        return scores - penalty_V.to(scores.dtype)  # type: ignore[return-value]


class Watcher(StoppingCriteria):
    """Sees each token as it is chosen: hands its text on, and stops when the client has left or a stop text came.

    Args:
        emit: Takes the pieces.
        text: Turns token ids into text.
        stops: Looks for stop texts.
        end_ids: Tokens that end an answer and do not show.
        describe: Gives the log probabilities of a token that was just chosen; None if nobody asked.
    """

    def __init__(
        self,
        *,
        emit: Emit,
        text: IncrementalText,
        stops: StopTexts,
        end_ids: Sequence[int],
        describe: Callable[[int], TokenLogprob] | None,
    ) -> None:
        self._emit = emit
        self._text = text
        self._stops = stops
        self._end_ids = frozenset(end_ids)
        self._describe = describe
        self._num_tokens = 0
        self._ended = False
        self._cancelled = False

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        self._see(int(input_ids[0, -1]))
        stop: torch.BoolTensor = torch.full(  # type: ignore[assignment]
            (1,), self._ended or self._stops.found or self._cancelled, dtype=torch.bool, device=input_ids.device
        )
        return stop

    def _see(self, token: int) -> None:
        self._num_tokens += 1
        if token in self._end_ids:
            self._ended = True
            return
        logprobs = (self._describe(token),) if self._describe else ()
        piece = Piece(self._stops.push(self._text.push(token)), logprobs)
        self._cancelled = not self._emit(piece)

    def finish(self) -> Finish:
        """Hand over what was held back and say how it ended."""
        if self._cancelled:
            return Finish("cancelled", self._num_tokens)
        rest = self._stops.push(self._text.rest())
        if not self._stops.found:
            rest += self._stops.rest()
        if rest:
            self._emit(Piece(rest))
        return Finish("stop" if self._ended or self._stops.found else "length", self._num_tokens)
