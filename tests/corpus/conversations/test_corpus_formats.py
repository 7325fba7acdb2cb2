"""Every format: rows that are right, rows that are wrong in every way, and the format being recognised."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.corpus.conversations.conversation import BadRowError, check_conversation
from danlu.corpus.conversations.formats import FORMATS, detect

ASK = {"role": "user", "content": "q"}
SAY = {"role": "assistant", "content": "a"}
RULE = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("alpaca", {"instruction": " q ", "input": "", "output": "a\n"}, [ASK, SAY]),
        ("alpaca", {"instruction": "q", "input": None, "output": "a"}, [ASK, SAY]),
        ("alpaca", {"instruction": "q", "output": "a"}, [ASK, SAY]),
        ("alpaca", {"instruction": "q", "input": "i", "output": "a"}, [{"role": "user", "content": "q\ni"}, SAY]),
        ("alpaca", {"instruction": "", "input": "q", "output": "a"}, [ASK, SAY]),
        (
            "alpaca",
            {"instruction": "q", "output": "a", "system": "s", "history": [["q", "a"]]},
            [RULE, ASK, SAY, ASK, SAY],
        ),
        ("sharegpt", {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, [ASK, SAY]),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"},
            [RULE, ASK, SAY],
        ),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "q"},
                    {"from": "function_call", "value": "f()"},
                    {"from": "observation", "value": "1"},
                    {"from": "gpt", "value": "a"},
                ]
            },
            [RULE, ASK, {"role": "assistant", "content": "f()"}, {"role": "tool", "content": "1"}, SAY],
        ),
        ("messages", {"messages": [ASK, SAY]}, [ASK, SAY]),
        ("messages", {"conversations": [ASK, SAY]}, [ASK, SAY]),
        ("messages", {"messages": [{"role": "developer", "content": "s"}, ASK, SAY]}, [RULE, ASK, SAY]),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, SAY]},
            [ASK, SAY],
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "text", "value": "q"}, "r"]}, SAY]},
            [{"role": "user", "content": "q\nr"}, SAY],
        ),
        (
            "messages",
            {
                "messages": [
                    ASK,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": '{"x": "丹"}'}}],
                    },
                    {"role": "tool", "tool_call_id": "1", "content": "1"},
                    SAY,
                ]
            },
            [
                ASK,
                {"role": "assistant", "content": '{"name": "f", "arguments": {"x": "丹"}}'},
                {"role": "tool", "content": "1"},
                SAY,
            ],
        ),
        ("prompt_completion", {"prompt": "q", "completion": "a"}, [ASK, SAY]),
        ("prompt_completion", {"question": "q", "answer": "a", "id": 7}, [ASK, SAY]),
        ("prompt_completion", {"prompt": [ASK], "completion": [SAY]}, [ASK, SAY]),
        (
            "prompt_completion",
            {"instruction": "q", "context": "c", "response": "a"},
            [{"role": "user", "content": "q\nc"}, SAY],
        ),
        (
            "prompt_completion",
            {"instruction": "q", "input": "c", "response": "a"},
            [{"role": "user", "content": "q\nc"}, SAY],
        ),
        ("prompt_completion", {"prompt": "q", "completion": "a", "system": "s"}, [RULE, ASK, SAY]),
    ],
)
def test_good_rows_are_read_and_recognised(name: str, row: dict[str, Any], expected: list[dict[str, str]]) -> None:
    messages = FORMATS[name].read(row)
    assert messages == expected
    check_conversation(messages)
    assert detect([row]) == name


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("alpaca", {"instruction": "q", "output": ""}, "'output' is empty"),
        ("alpaca", {"instruction": "q", "output": " \n"}, "'output' is empty"),
        ("alpaca", {"instruction": "q", "output": None}, "'output' is null"),
        ("alpaca", {"instruction": "q"}, "'output' is missing"),
        ("alpaca", {"instruction": "q", "output": 7}, "'output' is not text but int"),
        ("alpaca", {"instruction": "", "input": "", "output": "a"}, "'instruction' is empty"),
        ("alpaca", {"instruction": "q", "output": "a", "history": ["q"]}, "'history' is not a list of"),
        ("sharegpt", {"conversations": None}, "'conversations' is missing or null"),
        ("sharegpt", {"conversations": "q"}, "'conversations' is not a list of turns"),
        ("sharegpt", {"conversations": [{"from": "alien", "value": "q"}]}, "the role 'alien' is not known"),
        ("sharegpt", {"conversations": [{"from": "human", "value": None}]}, "'value' is null"),
        ("messages", {}, "'messages' is missing or null"),
        ("messages", {"messages": [7]}, "'messages' is not a list of turns"),
        ("messages", {"messages": [{"role": "critic", "content": "q"}]}, "the role 'critic' is not known"),
        ("messages", {"messages": [{"role": "user", "content": None}]}, "'content' is null"),
        ("messages", {"messages": [{"role": "user", "content": 7}]}, "'content' is not text but int"),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "a content part of the type 'image_url' is not text",
        ),
        (
            "messages",
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
            "the arguments of a tool call are not JSON",
        ),
        ("prompt_completion", {"prompt": "q", "completion": ""}, "'completion' is empty"),
        ("prompt_completion", {"completion": "a"}, "'prompt' is missing"),
        ("prompt_completion", {"prompt": "q"}, "'completion' is missing"),
    ],
)
def test_bad_rows_are_refused_with_the_reason(name: str, row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        FORMATS[name].read(row)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "there is no assistant turn"),
        ([ASK], "there is no assistant turn"),
        ([SAY], "it begins with assistant"),
        ([ASK, SAY, ASK], "it ends with user"),
        ([ASK, ASK, SAY], "wrong order: user after user"),
        ([ASK, SAY, SAY], "wrong order: assistant after assistant"),
        ([ASK, RULE, SAY], "wrong order: system after user"),
        ([ASK, {"role": "assistant", "content": ""}], "an empty assistant turn"),
        ([ASK, {"role": "assistant", "content": "\ud83d"}], "half a surrogate pair"),
    ],
)
def test_conversations_that_cannot_be_learnt_from(messages: list[dict[str, str]], reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        check_conversation(messages)


def test_most_of_the_first_rows_decide_the_format() -> None:
    alpaca = {"instruction": "q", "output": "a"}
    assert detect([{"odd": 1}, alpaca, alpaca]) == "alpaca"
    assert detect([{"text": "only text"}]) is None
    assert detect([]) is None
