"""Conversations as token ids, and which of those tokens the assistant wrote.

A conversation is rendered by the tokenizer's own chat template as one text and tokenised so that the ids begin with
those a server feeds for its last prompt. What the assistant wrote is found by rendering prefixes: its turn begins where
the prompt up to it ends (generation prompt included, just as at serving time) and ends with its end-of-turn token; the
template's glue behind that token is not the assistant's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.tool_calls import Abilities, Message, abilities_of, fitted, needs_more_than_text

Ids = npt.NDArray[np.int32]
"""Token ids, shape (num_tokens,)."""
Offsets = npt.NDArray[np.int64]
"""The characters each token came from, shape (num_tokens, 2), ``[begin, end)``."""

PROBE = "danlu-probe-7b1e"
"""Stands for an assistant's answer when a template is asked how it closes a turn."""

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN = (
    "{% for message in messages %}"
    "{{ message['role'] + ':\n' + message['content'] + eos_token + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\n' }}{% endif %}"
)


@dataclass(frozen=True, eq=False)
class Rendered:
    """One conversation as a model sees it."""

    input_ids: npt.NDArray[np.int32]
    """Shape (num_tokens,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (num_tokens,): True for tokens of assistant turns, end-of-turn included. Never the first token."""
    end_of_turn_trained: bool
    """Whether every supervised turn ends with a supervised end-of-turn token."""
    notes: tuple[str, ...]
    """What had to be left unsupervised, or is not rendered, and why."""


@dataclass(frozen=True)
class RenderedText:
    """One conversation before it is tokenised."""

    text: str
    spans: list[tuple[int, int]]
    """Character ranges ``[begin, end)`` of what the assistant wrote, in order."""
    notes: tuple[str, ...]


class ChatRenderer:
    """Renders conversations with one tokenizer.

    Args:
        tokenizer: A fast Hugging Face tokenizer with a chat template (see `ensure_chat_template`).

    Raises:
        UserError: there is no chat template, the template cannot render a plain question and answer, or the tokenizer
            cannot tell which characters a token came from.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not tokenizer.is_fast:
            raise UserError(
                f"The tokenizer {type(tokenizer).__name__} cannot tell which characters a token came from.",
                "Save the model with a fast tokenizer (tokenizer.json) and import it again.",
            )
        self._tokenizer = tokenizer
        self._closing, self._end_of_turn_id = _probe_end_of_turn(tokenizer)
        self.end_of_turn_ids = _with_eos(tokenizer, self._end_of_turn_id)
        self._abilities: Abilities | None = None

    def text(self, messages: Sequence[Message], tools: list[dict[str, Any]] | None = None) -> RenderedText:
        """The conversation as one text, with the ranges the assistant wrote.

        Args:
            messages: ``{"role", "content"}`` in order, with at least one assistant turn; perhaps with calls of tools
                and thoughts, see `danlu.artifacts.examples`.
            tools: Functions the assistant may call.

        Raises:
            UserError: the template refuses the conversation, or what it renders for a conversation does not begin with
                what it renders for the prompt.
        """
        messages, tools, notes = self._fitted(messages, tools)
        # An assistant that speaks first answers nothing: no server could ask for such a turn.
        turns = [index for index, message in enumerate(messages) if index > 0 and message["role"] == "assistant"]
        if not turns:
            raise UserError(
                "The conversation has no assistant turn that answers something.",
                "Give a question and its answer, in this order.",
            )
        text = _apply(self._tokenizer, messages, tools)
        spans = []
        unmatched = 0
        for index in turns:
            span = self._span(text, messages, tools, index)
            if span is not None:
                spans.append(span)
            elif index == turns[-1]:
                raise UserError(
                    "The chat template renders a conversation differently from its own prompt: the text with the "
                    "answer does not begin with the text before the answer.",
                    "Use a tokenizer whose chat template only appends, or mend chat_template in tokenizer_config.json.",
                )
            else:
                unmatched += 1
        if not unmatched:
            return RenderedText(text, spans, tuple(notes))
        # Earlier turns look different once later ones follow (for example, their thinking is taken out). A turn that
        # is rendered as it never is when the model writes it must not be learnt.
        note = "only the last assistant turn is supervised: the chat template rewrites earlier turns once others follow"
        return RenderedText(text, spans[-1:], (*notes, note))

    def _fitted(
        self, messages: Sequence[Message], tools: list[dict[str, Any]] | None
    ) -> tuple[list[Message], list[dict[str, Any]] | None, list[str]]:
        """As the template takes them, and what is to be said of it."""
        if not needs_more_than_text(messages, tools):
            return list(messages), None, []
        if self._abilities is None:
            self._abilities = abilities_of(self._tokenizer)
        return fitted(messages, tools, self._abilities)

    def _span(
        self, text: str, messages: list[Message], tools: list[dict[str, Any]] | None, index: int
    ) -> tuple[int, int] | None:
        """Characters of `text` that the assistant wrote in turn `index`, or None if prefixes do not match."""
        before = _apply(self._tokenizer, messages[:index], tools, add_generation_prompt=True)
        through = text if index == len(messages) - 1 else _apply(self._tokenizer, messages[: index + 1], tools)
        if not (text.startswith(through) and through.startswith(before)):
            return None
        turn = through[len(before) :]
        closing = turn.rfind(self._closing) if self._closing else -1
        # Without a closing text the turn ends with its last visible character.
        end = closing + len(self._closing) if closing >= 0 else len(turn.rstrip())
        return len(before), len(before) + end

    def encode(self, texts: Sequence[RenderedText]) -> list[Rendered]:
        """Tokenise rendered conversations, in two calls of the tokenizer for all together."""
        if not texts:
            return []
        wholes = self._tokenize([text.text for text in texts])
        # The last prompt by itself, as a server feeds it.
        prompts = self._tokenize([text.text[: text.spans[-1][0]] for text in texts])
        return [
            self._mark(text, prompt_ids, *self._joined(text, prompt_ids, prompt_offsets, *whole))
            for text, whole, (prompt_ids, prompt_offsets) in zip(texts, wholes, prompts, strict=True)
        ]

    def _tokenize(self, texts: list[str]) -> list[tuple[Ids, Offsets]]:
        encoded = self._tokenizer(
            texts,
            add_special_tokens=False,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        return [
            (np.array(ids, np.int32), np.array(offsets, np.int64).reshape(-1, 2))
            for ids, offsets in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _joined(
        self, text: RenderedText, prompt_ids: Ids, prompt_offsets: Offsets, ids: Ids, offsets: Offsets
    ) -> tuple[Ids, Offsets]:
        """Ids and offsets of the whole conversation that begin with the ids of its prompt.

        Where the tokenizer would merge the end of the prompt with the answer, the answer is tokenised by itself: at
        serving time the prompt's tokens are fixed before there is an answer.
        """
        if np.array_equal(ids[: len(prompt_ids)], prompt_ids):
            return ids, offsets
        begin = text.spans[-1][0]
        ((answer_ids, answer_offsets),) = self._tokenize([text.text[begin:]])
        return np.concatenate([prompt_ids, answer_ids]), np.concatenate([prompt_offsets, answer_offsets + begin])

    def _mark(self, text: RenderedText, prompt_ids: Ids, input_ids: Ids, offsets: Offsets) -> Rendered:
        """Mark the tokens that begin inside a span."""
        begins = offsets[:, 0]
        supervised = np.zeros(len(input_ids), np.bool_)
        end_of_turn_trained = True
        for begin, end in text.spans:
            last_turn = (begin, end) == text.spans[-1]
            first = len(prompt_ids) if last_turn else self._first_token(input_ids, offsets, begin)
            stop = max(first, int(np.searchsorted(begins, end, "left")))
            supervised[first:stop] = True
            end_of_turn_trained &= stop > first and int(input_ids[stop - 1]) in self.end_of_turn_ids
        supervised[:1] = False  # nothing stands before it to predict it from
        return Rendered(input_ids, supervised, end_of_turn_trained, text.notes)

    def _first_token(self, input_ids: Ids, offsets: Offsets, begin: int) -> int:
        """Index of the first token that begins at character `begin` or behind it."""
        first = int(np.searchsorted(offsets[:, 0], begin, "left"))
        if 0 < first < len(input_ids) and offsets[first - 1, 1] < begin:
            # Byte-level tokenizers may leave the blank a token begins with out of its offsets; here it may be one from
            # before the turn.
            piece: str = self._tokenizer.convert_ids_to_tokens(int(input_ids[first]))
            first += piece.startswith(("Ġ", "▁", " "))
        return first


def render(tokenizer: Any, messages: Sequence[Message]) -> Rendered:
    """One conversation as token ids with the assistant's tokens marked. See `ChatRenderer` for many.

    Raises:
        UserError: as `ChatRenderer` and `ChatRenderer.text`.
    """
    return render_many(tokenizer, [messages])[0]


def render_many(tokenizer: Any, conversations: Sequence[Sequence[Message]]) -> list[Rendered]:
    """Like `render` for each conversation, tokenised in one batch.

    Raises:
        UserError: as `ChatRenderer` and `ChatRenderer.text`, for the first conversation that cannot be rendered.
    """
    renderer = ChatRenderer(tokenizer)
    return renderer.encode([renderer.text(messages) for messages in conversations])


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """What a server feeds before the model answers: the conversation so far and the generation prompt."""
    text = _apply(tokenizer, list(messages), add_generation_prompt=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def end_of_turn_ids(tokenizer: Any) -> list[int]:
    """Token ids that end an assistant's turn: the one the chat template closes a turn with, then the tokenizer's eos.

    Raises:
        UserError: there is no chat template or it cannot render a plain question and answer.
    """
    return _with_eos(tokenizer, _probe_end_of_turn(tokenizer)[1])


def ensure_chat_template(tokenizer: Any) -> str | None:
    """Give a tokenizer without a chat template one that needs no token the model does not know.

    It is ChatML if the tokenizer has its two tokens, else a plain one. Where the tokenizer puts its bos token in front
    of a text, the template writes it.

    Returns:
        A line to warn with, or None if the tokenizer has a template already.

    Raises:
        UserError: there is neither a template nor an eos token to close a turn with.
    """
    if tokenizer.chat_template:
        return None
    begins_with_bos = tokenizer.bos_token_id is not None and tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
    begin = "{{ bos_token }}" if begins_with_bos else ""
    if {"<|im_start|>", "<|im_end|>"} <= {str(token) for token in tokenizer.added_tokens_decoder.values()}:
        tokenizer.chat_template = begin + CHATML
        return "The tokenizer has no chat template; ChatML is used, for whose turns it has tokens."
    if tokenizer.eos_token is None:
        raise UserError(
            "The tokenizer has neither a chat template nor an eos token, so an answer could never end.",
            "Set eos_token or chat_template in the model's tokenizer_config.json.",
        )
    tokenizer.chat_template = begin + PLAIN
    return (
        "The tokenizer has no chat template; a plain one is used: the role on a line of its own, then the text, "
        f"closed with {tokenizer.eos_token!r}."
    )


def _apply(
    tokenizer: Any,
    messages: list[Message],
    tools: list[dict[str, Any]] | None = None,
    *,
    add_generation_prompt: bool = False,
) -> str:
    """The chat template's text for `messages`.

    Raises:
        UserError: there is no template, there are no messages, or the template refuses them.
    """
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise UserError(
            "The tokenizer has no chat template.",
            "Give it one in tokenizer_config.json, or let the import stage add a plain one.",
        )
    try:
        text: str = tokenizer.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=add_generation_prompt
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise UserError(
            f"The chat template refuses the conversation: {error}",
            "Bring the conversation into the shape that the model's template expects, or mend the template.",
        ) from error
    return text


def _probe_end_of_turn(tokenizer: Any) -> tuple[str, int | None]:
    """What the template writes to close an assistant's turn, and the id of the token that does it.

    The text is empty if nothing but white space follows an answer; the id is None if no single token closes a turn.
    """
    text = _apply(tokenizer, [{"role": "user", "content": "?"}, {"role": "assistant", "content": PROBE}])
    _, found, closing = text.rpartition(PROBE)
    if not found:
        raise UserError(
            "The chat template does not write the assistant's answer as it is.",
            "Mend chat_template in the model's tokenizer_config.json.",
        )
    tokens = {str(token): index for index, token in tokenizer.added_tokens_decoder.items() if str(token).strip()}
    present = [token for token in tokens if token in closing]
    if not present:
        return closing.rstrip(), None
    first = min(present, key=lambda token: (closing.index(token), -len(token)))
    return closing[: closing.index(first) + len(first)], tokens[first]


def _with_eos(tokenizer: Any, end_of_turn_id: int | None) -> list[int]:
    ids = [end_of_turn_id, tokenizer.eos_token_id]
    return list(dict.fromkeys(index for index in ids if index is not None))
