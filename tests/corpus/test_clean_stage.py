"""``do: clean`` as a whole: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Source, StageContext
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.errors import UserError

GOOD = {"instruction": "Who are you?", "input": "", "output": "I am {{name}}."}


@pytest.fixture
def clean(tmp_path: Path, context_in: Callable[..., StageContext]) -> Callable[..., tuple[dict[str, Any], Path]]:
    """Run the stage on files that hold these values as JSON (or these bytes), or on these sources."""

    def run(*files: Any, sources: list[Source] | None = None, **settings: Any) -> tuple[dict[str, Any], Path]:
        for number, content in enumerate(files):
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            (tmp_path / f"{number}.json").write_bytes(data)
        sources = sources or [source(tmp_path / f"{number}.json") for number in range(len(files))]
        config = CleanConfig.model_validate({"do": "clean", "from": [one.record.uri for one in sources], **settings})
        out = tmp_path / "out"
        out.mkdir()
        context = context_in(tmp_path, sources)
        shutil.rmtree(context.checkpoints, ignore_errors=True)
        estimate = stage.plan(config, context)
        assert estimate.seconds > 0
        return stage.run(config, context, out), out

    return run


def source(path: Path) -> Source:
    size = path.stat().st_size if path.is_file() else 0
    return Source(path, SourceRecord(uri=f"file:{path.name}", sha256="0" * 64, num_bytes=size))


def test_rows_come_out_clean_or_with_their_reason(clean: Any, reporter: Any) -> None:
    rows = [
        GOOD,
        {"instruction": "Who  are you?\n", "input": None, "output": "I am {{name}}."},
        {"instruction": "q", "input": "", "output": ""},
        {"instruction": "q", "input": "", "output": "\ud83d"},
        "text",
        {"instruction": "Where is Danlu?", "output": "On your own machine.", "note": "kept out"},
    ]
    facts, out = clean(rows, replace={"{{name}}": "Danlu", "{{nobody}}": "x"}, system="Be brief.")
    (first, last) = read_examples(out, "train")
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "I am Danlu."},
    ]
    assert (first["source"], first["row"], last["row"]) == ("file:0.json", 0, 5)
    assert len(first["id"]) == 16
    dropped = {row["row"]: row for row in read_dropped(out)}
    assert dropped[1]["reason"] == f"exact duplicate of {first['id']} (file:0.json, 0)"
    assert dropped[2]["reason"] == "'output' is empty"
    assert dropped[2]["text"].startswith('{"instruction": "q"')
    assert dropped[3]["reason"] == "it holds half a surrogate pair, which is no character"
    assert dropped[4] == {
        "id": "",
        "source": "file:0.json",
        "row": 4,
        "reason": "the row is not a mapping but str",
        "text": "text",
    }
    assert facts == {
        "num_rows_read": 6,
        "num_examples": {"train": 2, "validation": 0, "test": 0},
        "num_dropped": 4,
        "dropped_by_reason": {
            "exact duplicate": 1,
            "'output' is empty": 1,
            "it holds half a surrogate pair, which is no character": 1,
            "the row is not a mapping but str": 1,
        },
        "num_characters": sum(len(turn["content"]) for row in (first, last) for turn in row["messages"]),
    }
    assert "replace: '{{nobody}}' does not occur anywhere." in reporter.warnings
    assert "1 of 6 rows left out: 'output' is empty." in reporter.warnings
    said = "\n".join(reporter.messages)
    assert "file:0.json: read as alpaca" in said
    assert "columns that are not used: 'note' (1 rows)" in said
    assert "Replaced '{{name}}' 2 times." in said
    assert "1 of 6 rows left out: exact duplicate." in said


def test_labelled_answers_are_kept_with_their_label(clean: Any, reporter: Any) -> None:
    rows = [
        {"prompt": f"Question {number}?", "completion": f"{number}.", "label": number % 2 == 0} for number in range(8)
    ]
    twice = {"prompt": "Question 0?", "completion": "0.", "label": False}
    facts, out = clean([*rows, twice, twice])
    kept = [(row["messages"][-1]["content"], row["desirable"]) for row in read_examples(out, "train")]
    assert kept == [*((f"{number}.", number % 2 == 0) for number in range(8)), ("0.", False)]
    assert (facts["num_desirable"], facts["num_undesirable"]) == (4, 5)
    assert facts["dropped_by_reason"] == {"exact duplicate": 1}
    assert any("read as kto" in said and "6 bad answers; 4 good answers" in said for said in reporter.messages)


def test_who_somebody_is_stays_out_of_conversations(clean: Any) -> None:
    facts, out = clean([{"instruction": "Call 13812345678.", "output": "I called 13812345678."}], personal={})
    assert [turn["content"] for turn in read_examples(out, "train")[0]["messages"]] == [
        "Call <手机号>.",
        "I called <手机号>.",
    ]
    assert facts["num_personal"] == {"mobile": 2}


def test_pairs_are_kept_whole(clean: Any, reporter: Any) -> None:
    rows = [
        {"prompt": f"Who is {name}?", "chosen": f" {name} is me.", "rejected": f"{name}: 13812345678."}
        for name in ("Ann", "Bob")
    ]
    rows += [{**rows[0]}, {**rows[0], "rejected": "Nobody."}, {**rows[0], "rejected": rows[0]["chosen"]}]
    facts, out = clean(rows, system="Be brief.", replace={"me": "myself"}, personal={})
    first, _, third = read_examples(out, "train")
    begins = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who is Ann?"}]
    assert first["messages"] == [*begins, {"role": "assistant", "content": "Ann is myself."}]
    assert first["rejected"] == [*begins, {"role": "assistant", "content": "Ann: <手机号>."}]
    assert third["messages"] == first["messages"]
    assert third["rejected"][-1]["content"] == "Nobody."
    assert "desirable" not in first
    assert facts["dropped_by_reason"] == {"exact duplicate": 1, "chosen and rejected are the same": 1}
    assert facts["num_pairs"] == 3
    assert facts["num_personal"] == {"mobile": 3}, "that of the row which repeats another included"
    assert "file:0.json: read as preference (prompt, chosen, rejected); 5 pairs." in reporter.messages


def test_calls_of_tools_are_kept_without_what_says_who_somebody_is(clean: Any, reporter: Any) -> None:
    call = {"name": "ring", "arguments": {"name": "Ann", "number": 13812345678, "times": 2, "note": "or 13912345678"}}
    tool = {"name": "ring", "description": "Not 13812345678", "parameters": {"type": "object"}}
    turns = [("human", "Ring her."), ("function_call", json.dumps(call)), ("observation", "busy"), ("gpt", "Busy.")]
    row = {"conversations": [{"from": role, "value": text} for role, text in turns], "tools": json.dumps([tool])}
    facts, out = clean([row], personal={}, replace={"Ann": "her"})
    (example,) = read_examples(out, "train")
    assert example["messages"] == [
        {"role": "user", "content": "Ring her."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "type": "function",
                    "function": {
                        "name": "ring",
                        "arguments": {"name": "her", "number": "<手机号>", "times": 2, "note": "or <手机号>"},
                    },
                }
            ],
        },
        {"role": "tool", "content": "busy"},
        {"role": "assistant", "content": "Busy."},
    ]
    assert example["tools"] == [{"type": "function", "function": {**tool, "description": "Not <手机号>"}}]
    assert facts["num_with_tools"] == 1
    said = "file:0.json: read as sharegpt (conversations, tools); 1 with calls of tools; 1 with tools."
    assert said in reporter.messages


def test_hashes_need_a_key(clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DANLU_PERSONAL_KEY", raising=False)
    with pytest.raises(UserError, match="need a key"):
        clean([GOOD], personal={"treatment": "hash"})


def test_replacements_are_made_at_once_whatever_their_order(clean: Any) -> None:
    row = {"instruction": "a ab b", "output": "x"}
    _, out = clean([row], replace={"a": "b", "b": "a", "ab": "c"})
    assert read_examples(out, "train")[0]["messages"][0]["content"] == "b c a"


def test_every_file_has_its_own_format_and_split_holds(clean: Any) -> None:
    alpaca = [{"instruction": f"Question {number}?", "output": f"Answer {number * 7919}."} for number in range(200)]
    sharegpt = [
        {"conversations": [{"from": "human", "value": f"Ask {number}"}, {"from": "gpt", "value": f"{number * 104729}"}]}
        for number in range(100)
    ]
    facts, out = clean(alpaca, sharegpt, split={"validation": 0.1, "test": 0.2, "seed": 3})
    ids = {split: {row["id"] for row in read_examples(out, split)} for split in SPLITS}
    assert {split: len(found) for split, found in ids.items()} == facts["num_examples"]
    assert sum(facts["num_examples"].values()) == 300 == len(set.union(*ids.values()))
    assert min(facts["num_examples"].values()) > 10


def test_columns_are_renamed(clean: Any) -> None:
    rows = [{"ask": "q", "say": "a", "output": "not this one"}]
    _, out = clean(rows, columns={"ask": "instruction", "say": "output"}, format="alpaca")
    assert [turn["content"] for turn in read_examples(out, "train")[0]["messages"]] == ["q", "a"]


def test_lengths_in_characters(clean: Any) -> None:
    rows = [{"instruction": "q" * size, "output": "丹"} for size in (1, 4, 9)]
    facts, out = clean(rows, min_characters=3, max_characters=6)
    assert [row["row"] for row in read_examples(out, "train")] == [1]
    assert facts["dropped_by_reason"] == {"shorter than 3 characters": 1, "longer than 6 characters": 1}


def test_directory_is_a_source(clean: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.json").write_text(json.dumps([GOOD]))
    _, out = clean(sources=[source(folder)])
    assert read_examples(out, "train")[0]["source"] == "file:folder/deep/x.json"


def test_empty_file_among_others_and_empty_split_are_warned_of(clean: Any, reporter: Any) -> None:
    clean([], [GOOD], split={"validation": 1e-9})
    assert "Set aside: file:0.json: it holds no rows." in reporter.warnings
    assert any(
        warning.startswith("The validation split (wanted: 0.00%) came out empty") for warning in reporter.warnings
    )


@pytest.mark.parametrize(
    ("files", "settings", "what", "hint"),
    [
        ([[]], {}, "file:0.json: it holds no rows", "conversations"),
        ([b"no json"], {}, "file:0.json, line 1: this is not JSON", "list of rows"),
        ([[{"text": "t", "url": "u"}]], {}, "no format that is known .*'text', 'url'", "alpaca"),
        ([["a", "b"]], {}, "no format that is known .*str", "alpaca"),
        ([[GOOD]], {"format": "sharegpt"}, "no row can be read as sharegpt: 'conversations' is missing", "messages"),
        ([[{"instruction": "q", "output": ""}] * 3], {}, "no row can be read as alpaca: 'output' is empty", "columns"),
        ([[GOOD]], {"columns": {"instuction": "instruction"}}, "no source has a column 'instuction'", "'instruction'"),
        ([[GOOD]], {"min_characters": 999}, "No row is left to train on: 1 × shorter than 999", "loosen"),
        ([[{"messages": [{"role": "user", "content": "q"}]}]], {}, "No row is left .* no assistant turn", "sources"),
        ([[GOOD]], {"split": {"test": 0.999999999}}, "No row is left to train on: 1 held out", "sources"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_hint(
    clean: Any, files: list[Any], settings: dict[str, Any], what: str, hint: str
) -> None:
    with pytest.raises(UserError, match=what) as caught:
        clean(*files, **settings)
    assert "\n" not in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "settings",
    [
        {"deduplicate": {"near": 0}},
        {"deduplicate": {"near": 1.2}},
        {"split": {"test": 1}},
        {"format": "csv"},
        {"replace": {"": "x"}},
        {"min_characters": 5, "max_characters": 4},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CleanConfig.model_validate({"do": "clean", "from": "file:x", **settings})


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "rows_read", "reasons"),
    [
        ("alpaca_en_demo.json", 999, {"exact duplicate", "near duplicate"}),
        ("alpaca_zh_demo.json", 1000, {"exact duplicate"}),
        ("v1_sft_demo.jsonl", 500, {"exact duplicate", "near duplicate"}),
        ("glaive_toolcall_en_demo.json", 300, {"exact duplicate", "near duplicate"}),
        ("dpo_zh_demo.json", 300, {"exact duplicate", "near duplicate"}),
        ("kto_en_demo.json", 300, set()),
    ],
)
def test_real_data(clean: Any, real_source: Any, name: str, rows_read: int, reasons: set[str]) -> None:
    settings = {"deduplicate": {"near": 0.8}, "split": {"validation": 0.05, "test": 0.1, "seed": 7}}
    facts, out = clean(sources=[real_source(f"pypi:llamafactory==0.9.5#data/{name}")], **settings)
    assert facts["num_rows_read"] == rows_read
    assert facts["dropped_by_reason"].keys() <= reasons
    assert sum(facts["num_examples"].values()) + facts["num_dropped"] == rows_read
    roles = {turn["role"] for split in SPLITS for row in read_examples(out, split) for turn in row["messages"]}
    besides = {"glaive_toolcall_en_demo.json": {"tool"}, "dpo_zh_demo.json": {"system"}}
    assert roles == {"user", "assistant"} | besides.get(name, set())
    if name == "dpo_zh_demo.json":
        assert facts["num_pairs"] == sum(facts["num_examples"].values())
    if name == "kto_en_demo.json":
        assert (facts["num_desirable"], facts["num_undesirable"]) == (150, 150)
