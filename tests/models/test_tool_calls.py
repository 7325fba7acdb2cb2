"""Tools, calls and thoughts reach templates that know them, and are said to be missing where a template does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from danlu.models.chat import ChatRenderer
from danlu.models.tool_calls import NO_CALLS, NO_THOUGHTS, NO_TOOLS, Abilities, abilities_of, plain

TOOLS = [{"type": "function", "function": {"name": "time", "description": "Tells it.", "parameters": {}}}]
CALL = {"type": "function", "function": {"name": "time", "arguments": {"place": "上海"}}}
MESSAGES = [
    {"role": "user", "content": "time?"},
    {"role": "assistant", "content": "", "reasoning_content": "ask", "tool_calls": [CALL]},
    {"role": "tool", "content": "noon", "name": "time"},
    {"role": "assistant", "content": "It is noon."},
]
WRITTEN = '{"name": "time", "arguments": {"place": "上海"}}'

TOOL_LIST = "{% if tools %}{{ '<|im_start|>system\n' + tools | tojson + '<|im_end|>\n' }}{% endif %}"
THOUGHT = "{% if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>' }}{% endif %}"
CALLS = "{% for call in m.tool_calls or [] %}{{ '<call>' + call.function | tojson + '</call>' }}{% endfor %}"


def template(*, tools: bool, calls: bool, thoughts: bool) -> str:
    return (
        (TOOL_LIST if tools else "")
        + "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        + (THOUGHT if thoughts else "")
        + "{{ m.content }}"
        + (CALLS if calls else "")
        + "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )


@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize("calls", [True, False])
@pytest.mark.parametrize("thoughts", [True, False])
def test_what_a_template_knows_is_rendered_and_learnt(
    tiny_tokenizer: Any, tools: bool, calls: bool, thoughts: bool
) -> None:
    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.chat_template = template(tools=tools, calls=calls, thoughts=thoughts)
    assert abilities_of(tokenizer) == Abilities(calls, tools, thoughts)
    renderer = ChatRenderer(tokenizer)
    text = renderer.text(MESSAGES, TOOLS)
    learnt = [text.text[begin:end] for begin, end in text.spans]
    first = ("<think>ask</think>" if thoughts else "") + (f"<call>{WRITTEN}</call>" if calls else WRITTEN)
    assert learnt == [f"{first}<|im_end|>", "It is noon.<|im_end|>"]
    assert ("Tells it." in text.text) == tools
    notes = [*([] if tools else [NO_TOOLS]), *([] if calls else [NO_CALLS]), *([] if thoughts else [NO_THOUGHTS])]
    assert list(text.notes) == notes
    (rendered,) = renderer.encode([text])
    assert tokenizer.decode(rendered.input_ids[rendered.supervised]) == "".join(learnt)


def test_a_template_that_knows_tools_is_not_changed_for_other_conversations(tiny_tokenizer: Any) -> None:
    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.chat_template = template(tools=True, calls=True, thoughts=True)
    spoken = plain(MESSAGES)
    expected = tokenizer.apply_chat_template(spoken, tokenize=False)
    assert ChatRenderer(tokenizer).text(spoken).text == expected
    assert ChatRenderer(tokenizer).text(spoken, []).text == expected


def test_calls_are_written_out_for_whoever_reads_text() -> None:
    assert plain(MESSAGES) == [
        {"role": "user", "content": "time?"},
        {"role": "assistant", "content": WRITTEN},
        {"role": "tool", "content": "noon"},
        {"role": "assistant", "content": "It is noon."},
    ]
    both = plain([{"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, CALL]}])
    assert both[0]["content"] == f"Let me see.\n{WRITTEN}\n{WRITTEN}"
