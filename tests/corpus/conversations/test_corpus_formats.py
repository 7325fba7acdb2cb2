"""Every format: rows that are right, rows that are wrong in every way, and the format being recognised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from danlu.corpus.conversations.conversation import BadRowError, Conversation, check, check_conversation
from danlu.corpus.conversations.formats import FORMATS, detect

ASK = {"role": "user", "content": "q"}
SAY = {"role": "assistant", "content": "a"}
RULE = {"role": "system", "content": "s"}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


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
                {"role": "assistant", "content": "", "tool_calls": [call("f", x="丹")]},
                {"role": "tool", "content": "1", "tool_call_id": "1"},
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
    conversation = FORMATS[name].read(row)
    assert conversation == Conversation(expected)
    check(conversation)
    assert detect([row]) == name


WORSE = {"role": "assistant", "content": "b"}
HUMAN, GPT, OTHER = {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}, {"from": "gpt", "value": "b"}
SPEC = {"name": "f", "description": "It does.", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": SPEC}
CALLS = {"role": "assistant", "content": "", "tool_calls": [call("f", x=1)]}
RESULT = {"role": "tool", "content": "1"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, [ASK]),
        ({"prompt": [ASK], "chosen": [SAY], "rejected": [WORSE]}, [ASK]),
        ({"prompt": "q", "chosen": [ASK, SAY], "rejected": [ASK, WORSE]}, [ASK]),
        ({"chosen": [RULE, ASK, SAY], "rejected": [RULE, ASK, WORSE]}, [RULE, ASK]),
        ({"chosen_messages": [ASK, SAY], "rejected_messages": [ASK, WORSE]}, [ASK]),
        ({"conversations": [HUMAN], "chosen": GPT, "rejected": OTHER}, [ASK]),
        ({"conversations": [HUMAN, GPT, HUMAN], "chosen": GPT, "rejected": OTHER}, [ASK, SAY, ASK]),
        ({"messages": [RULE, ASK], "chosen": SAY, "rejected": WORSE}, [RULE, ASK]),
        ({"messages": [ASK], "chosen": " a", "rejected": "b\n", "system": "s"}, [RULE, ASK]),
        ({"system": "s", "question": "q", "chosen": "a", "rejected": "b", "id": 7}, [RULE, ASK]),
        ({"instruction": "q", "input": "", "chosen": "a", "rejected": "b", "history": [["q", "a"]]}, [ASK, SAY, ASK]),
        (
            {"chosen": "\n\nHuman: q\n\nAssistant: a\n\nHuman: q\n\nAssistant: a",
             "rejected": "\n\nHuman: q\n\nAssistant: a\n\nHuman: q\n\nAssistant: b"},
            [ASK, SAY, ASK],
        ),
    ],
)  # fmt: skip
def test_pairs_are_told_apart_from_all_else(row: dict[str, Any], expected: list[dict[str, str]]) -> None:
    assert detect([row]) == "preference"
    conversation = FORMATS["preference"].read(row)
    assert conversation == Conversation([*expected, SAY], rejected=[*expected, WORSE])
    check(conversation)


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASK, SAY]},
        {"conversations": [HUMAN, GPT]},
        {"prompt": "q", "completion": "a"},
        {"prompt": [ASK], "completion": [SAY]},
        {"instruction": "q", "input": "", "output": "a"},
    ],
)
def test_labelled_answers_are_told_apart_from_those_without(row: dict[str, Any], label: bool) -> None:
    bare = detect([row])
    assert bare not in ("kto", "preference", None)
    for labelled in ({"label": label}, {"kto_tag": label}, {"label": str(label).lower()}, {"label": str(label)}):
        assert detect([{**row, **labelled}]) == "kto"
        assert FORMATS["kto"].read({**row, **labelled}) == Conversation([ASK, SAY], desirable=label)
    for other in ({"label": "sport"}, {"label": 1}, {"label": None}):
        assert detect([{**row, **other}]) == bare


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (
            "messages",
            {"messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]},
                {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "1"}, SAY], "tools": [TOOL]},
            [ASK, {"role": "assistant", "content": "", "tool_calls": [{**call("f", x=1), "id": "c1"}]},
             {**RESULT, "tool_call_id": "c1", "name": "f"}, SAY],
        ),
        (
            "messages",
            {"messages": [ASK, {**SAY, "content": "", "function_call": {"name": "f", "arguments": '{"x": 1}'}},
                {"role": "function", "name": "f", "content": "1"}, SAY], "functions": [SPEC]},
            [ASK, CALLS, {**RESULT, "name": "f"}, SAY],
        ),
        (
            "messages",
            {"messages": [ASK, {"role": "assistant", "content": [
                {"type": "reasoning", "value": "hm"}, {"type": "text", "value": "a"},
                {"type": "tool_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
                {"type": "tool_call", "value": '{"name": "g", "arguments": {}}'}]},
                RESULT, RESULT, SAY], "tools": json.dumps([TOOL])},
            [ASK, {**SAY, "reasoning_content": "hm", "tool_calls": [call("f", x=1), call("g")]}, RESULT, RESULT, SAY],
        ),
        (
            "sharegpt",
            {"conversations": [HUMAN, {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
                {"from": "observation", "value": "1"}, GPT], "tools": json.dumps([SPEC])},
            [ASK, CALLS, RESULT, SAY],
        ),
        (
            "sharegpt",
            {"conversations": [HUMAN, GPT, {"from": "function_call", "value": '[{"name": "f", "arguments": {"x": 1}}]'},
                {"from": "function_call", "value": '{"name": "g"}'}, {"from": "observation", "value": "1"}, GPT],
             "tools": SPEC},
            [ASK, {**SAY, "tool_calls": [call("f", x=1), call("g")]}, RESULT, SAY],
        ),
    ],
)  # fmt: skip
def test_calls_of_tools_are_kept_as_templates_take_them(
    name: str, row: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert detect([row]) == name
    conversation = FORMATS[name].read(row)
    assert conversation == Conversation(expected, tools=[TOOL])
    check(conversation)


def test_a_label_or_a_pair_decides_even_if_some_rows_lack_it() -> None:
    labelled, bare = {"messages": [ASK, SAY], "label": True}, {"messages": [ASK, SAY]}
    assert detect([labelled, labelled]) == "kto"
    assert detect([bare, bare, labelled]) == "messages"
    assert detect([{**bare, "chosen": None, "rejected": None}]) == "messages"


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (Conversation([ASK, SAY], rejected=[ASK, SAY]), "chosen and rejected are the same"),
        (Conversation([ASK, SAY], rejected=[ASK, {**SAY, "content": " a "}]), "chosen and rejected are the same"),
        (Conversation([ASK, SAY], rejected=[{**ASK, "content": "r"}, WORSE]), "do not answer the same"),
        (Conversation([RULE, ASK, SAY], rejected=[RULE, {**ASK, "content": "r"}, WORSE]), "do not answer the same"),
        (Conversation([ASK, SAY], rejected=[ASK]), "rejected: there is no assistant turn"),
        (Conversation([ASK, SAY], rejected=[ASK, {**WORSE, "content": ""}]), "rejected: an empty assistant turn"),
        (Conversation([ASK, {**SAY, "tool_calls": [call("f", x="\ud83d")]}]), "half a surrogate pair"),
        (Conversation([ASK, SAY], tools=[{"name": "\ud83d"}]), "half a surrogate pair"),
    ],
)
def test_pairs_that_teach_nothing(conversation: Conversation, reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        check(conversation)


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
        ("messages", {"messages": [ASK, SAY], "tools": "f(x)"}, "'tools' is not JSON"),
        ("messages", {"messages": [ASK, SAY], "tools": ["f"]}, "'tools' is not a list of functions"),
        ("messages", {"messages": [ASK, {**SAY, "tool_calls": ["f"]}]}, "'tool_calls' is not a list of calls"),
        ("messages", {"messages": [ASK, {**SAY, "tool_calls": [{"id": "1"}]}]}, "a tool call has no function name"),
        ("preference", {"prompt": "q", "chosen": "a"}, "'chosen' or 'rejected' is missing"),
        ("preference", {"prompt": "q", "chosen": "a", "rejected": " "}, "'rejected' is empty"),
        ("preference", {"chosen": "a", "rejected": "b"}, "there is no prompt to 'chosen'"),
        ("kto", {"messages": [ASK, SAY]}, "'label' is neither true nor false"),
        ("kto", {"label": True}, "neither messages nor a prompt and a completion"),
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
