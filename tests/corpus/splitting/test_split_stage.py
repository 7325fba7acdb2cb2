"""``split`` of ``do: clean`` as a whole: nothing that belongs together is divided, and it is said what came of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Source, StageContext
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.corpus.working import driver, pool
from danlu.errors import UserError

Clean = Callable[..., tuple[dict[str, Any], Path]]
SYLLABLES = ["ba", "ko", "mi", "ru", "te", "丹", "炉", "火"]


@pytest.fixture
def clean(tmp_path: Path, context_in: Callable[..., StageContext], monkeypatch: pytest.MonkeyPatch) -> Clean:
    """Run the stage on files of rows (or of text), in parts of 5 kB, as often as wanted."""
    monkeypatch.setattr(driver, "PART_BYTES", 5000)
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    counter = iter(range(99))

    def run(files: dict[str, Any], split: dict[str, Any], **settings: Any) -> tuple[dict[str, Any], Path]:
        directory = tmp_path / str(next(counter))
        for name, content in files.items():
            path = directory / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [content] if isinstance(content, str) else [json.dumps(row, ensure_ascii=False) for row in content]
            path.write_text("\n".join(rows), encoding="utf-8")
        source = Source(directory / "raw", SourceRecord(uri="file:raw", sha256="0" * 64, num_bytes=0))
        content = {"do": "clean", "into": "corpus", "from": "file:raw", "split": split, "processes": 1, **settings}
        config = CleanConfig.model_validate(content)
        out = directory / "out"
        out.mkdir()
        context = context_in(directory, [source])
        stage.plan(config, context)
        return stage.run(config, context, out), out

    return run


def sides(out: Path) -> dict[str, str]:
    return {row["text"]: split for split in SPLITS for batch in read_documents(out, split) for row in batch.to_pylist()}


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def texts(number: int, seed: int = 3) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(SYLLABLES, k=40)) for _ in range(number)]


def poems(number: int = 400) -> list[dict[str, Any]]:
    rng = random.Random(1)
    return [
        {
            "text": text,
            "author": f"poet {min(int(rng.expovariate(0.1)), 60)}",
            "dynasty": rng.choice(["tang", "song", "song"]),
            "date": f"{rng.randint(618, 1279)}年{rng.randint(1, 12)}月",
        }
        for text in texts(number)
    ]


def test_all_rows_of_a_group_are_on_one_side_whatever_other_rows_there_are(clean: Clean, reporter: Any) -> None:
    rows = [*poems(), {"text": "nobody wrote this"}, {"text": "nor this", "author": " "}]
    split = {"by": "group", "group": "{author}", "validation": 0.2, "test": 0.2, "seed": 4}
    facts, out = clean({"a.jsonl": rows}, split)
    side_of = sides(out)
    by_author: dict[str, set[str]] = {}
    for row in rows[:-2]:
        by_author.setdefault(row["author"], set()).add(side_of[row["text"]])
    assert all(len(found) == 1 for found in by_author.values())
    groups = Counter(next(iter(found)) for found in by_author.values())
    assert facts["split"]["num_groups"] == {side: groups[side] for side in SPLITS}
    assert facts["split"]["num_rows"] == facts["num_documents"]
    assert facts["split"]["wanted"] == {"validation": 0.2, "test": 0.2}
    assert facts["split"]["reached"]["test"] == round(facts["num_documents"]["test"] / 400, 6)
    assert facts["dropped_by_reason"] == {
        "no group for the split: 'author' is missing": 1,
        "no group for the split: 'author' is empty": 1,
    }
    assert any(said.startswith("Split of 400 documents by group: ") for said in reporter.messages)
    assert not any("not used" in said and "author" in said for said in reporter.messages)
    fewer = [row for row in reversed(rows[:-2]) if row["dynasty"] == "tang"]
    _, other = clean({"b.jsonl": fewer}, split)
    assert sides(other) == {row["text"]: side_of[row["text"]] for row in fewer}


def test_a_share_that_groups_do_not_allow_is_warned_of(clean: Clean, reporter: Any) -> None:
    rows = [{"text": text, "author": "one" if number else "other"} for number, text in enumerate(texts(100))]
    for seed in range(50):  # one of them has the large group on the test side, then nothing is left
        try:
            facts, _ = clean({"a.jsonl": rows}, {"by": "group", "group": "{author}", "test": 0.4, "seed": seed})
        except UserError:
            continue
        if facts["num_documents"]["test"]:
            assert facts["num_documents"]["test"] == 1
            assert any(said.startswith("The test split holds 1.00%, not 40.00%: groups") for said in reporter.warnings)
            return
    pytest.fail("chance never drew the small group")


def test_groups_of_files(clean: Clean, reporter: Any) -> None:
    names = [f"{folder}/{name}.txt" for folder in "abcdef" for name in "xyz"]
    files = {name: "\n".join(texts(4, seed=number)) for number, name in enumerate(names)}
    lines = {name: content.split("\n") for name, content in files.items()}
    split: dict[str, Any] = {"by": "group", "test": 0.4, "seed": 2}
    facts, out = clean(files, {**split, "group": "file"}, documents="lines")
    side_of = sides(out)
    assert all(len({side_of[line] for line in its}) == 1 for its in lines.values())
    assert sum(facts["split"]["num_groups"].values()) == 18
    facts, out = clean(files, {**split, "group": "folder"}, documents="lines")
    side_of = sides(out)
    assert sum(facts["split"]["num_groups"].values()) == 6
    for folder in "abcdef":
        assert len({side_of[line] for name, its in lines.items() if name.startswith(folder) for line in its}) == 1
    patterns = {"*/[abc]/*": "first", "*/[de]/*": "second"}
    for seed in range(20):
        try:
            facts, out = clean(files, {**split, "group": patterns, "seed": seed}, documents="lines")
        except UserError:
            continue
        assert sum(facts["split"]["num_groups"].values()) == 2
        assert facts["num_files_set_aside"] == 3
        assert any("no pattern under 'split.group' fits it" in said for said in reporter.warnings)
        return
    pytest.fail("chance held everything out")


def test_a_text_file_has_no_columns(clean: Clean) -> None:
    with pytest.raises(UserError, match="a text file has no column 'author' for split"):
        clean({"a.txt": "x"}, {"by": "group", "group": "{author}", "test": 0.1})
    with pytest.raises(UserError, match="no row has the column 'autor'"):
        clean({"a.jsonl": poems(3)}, {"by": "group", "group": "{autor}", "test": 0.1})


@pytest.mark.parametrize("dates", [{"validation": 0.1, "test": 0.2}, {"validation_from": 1000, "test_from": "1200年"}])
def test_what_is_held_out_is_newer(clean: Clean, reporter: Any, dates: dict[str, Any]) -> None:
    rows = [*poems(), {"text": "undated", "date": "long ago"}, {"text": "without", "date": None}]
    facts, out = clean({"a.jsonl": rows}, {"by": "time", "time": "{date}", **dates})
    side_of = sides(out)
    when = {row["text"]: tuple(map(int, row["date"][:-1].split("年"))) for row in rows[:-2]}
    ordered = [[when[text] for text, side in side_of.items() if side == its] for its in SPLITS]
    assert max(ordered[0]) < min(ordered[1])
    assert max(ordered[1]) < min(ordered[2])
    if "test" in dates:
        assert facts["split"]["reached"] == pytest.approx({"validation": 0.1, "test": 0.2}, abs=0.01)
        year, month = min(ordered[2])
        assert facts["split"]["from"]["test"] == f"{year:04}-{month:02}-01"
    else:
        assert min(ordered[1]) >= (1000, 1) > max(ordered[0])
        assert min(ordered[2]) >= (1200, 1) > max(ordered[1])
        assert facts["split"]["from"] == {"validation": "1000-01-01", "test": "1200-01-01"}
    assert facts["dropped_by_reason"] == {
        "no time for the split: {date} is none that is known": 1,
        "no time for the split: 'date' is null": 1,
    }
    assert {row["text"][:9] for row in read_dropped(out)} == {'{"text": '}


def test_a_time_nothing_is_from_is_warned_of(clean: Clean, reporter: Any) -> None:
    clean({"a.jsonl": poems(20)}, {"by": "time", "time": "{date}", "test_from": 2000})
    assert "The test split (test_from: 2000) came out empty: no document is from that time." in reporter.warnings


def test_shares_are_exact_in_each_class(clean: Clean, reporter: Any) -> None:
    rows = poems()
    split = {"validation": 0.1, "test": 0.15}
    for stratified, label in (("label", "{dynasty}"), ("{dynasty}", None)):
        facts, out = clean({"a.jsonl": [*rows, *rows[:50]]}, {**split, "stratified": stratified}, label=label)
        side_of = sides(out)
        for dynasty, size in Counter(row["dynasty"] for row in rows).items():
            found = Counter(side_of[row["text"]] for row in rows if row["dynasty"] == dynasty)
            assert facts["split"]["num_by_class"][dynasty] == {side: found[side] for side in SPLITS}
            assert abs(found["test"] - 0.15 * size) < 1
            assert abs(found["validation"] - 0.1 * size) < 1
        assert facts["num_documents"] == {"train": 300, "validation": 40, "test": 60}
        assert reporter.messages[-1].startswith("Split of 400 documents by content within 2 classes: 300 to train on")
    with pytest.raises(ValueError, match=r"stratified: label needs label"):
        clean({"a.jsonl": rows}, {**split, "stratified": "label"})


def test_folds_by_group_cover_all_rows_once(clean: Clean) -> None:
    rows = poems(200)
    base = {"by": "group", "group": "{author}", "folds": 4, "test": 0.2}
    runs = [sides(clean({"a.jsonl": rows}, {**base, "fold": fold})[1]) for fold in range(4)]
    for row in rows:
        found = Counter(run[row["text"]] for run in runs)
        assert found in ({"test": 4}, {"validation": 1, "train": 3})
    for run in runs:
        learnt = {row["author"] for row in rows if run[row["text"]] == "train"}
        held_out = {row["author"] for row in rows if run[row["text"]] != "train"}
        assert not held_out & learnt


def edited(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) - 4)
    return text[:place] + rng.choice(SYLLABLES) + text[place + 2 :]


def test_what_is_nearly_alike_is_kept_together(clean: Clean) -> None:
    rng = random.Random(5)
    originals = texts(60)
    chains = [[original] for original in originals]
    for chain in chains[:30]:
        for _ in range(3):
            chain.append(edited(chain[-1], rng))
    lines = [line for chain in chains for line in chain]
    rng.shuffle(lines)
    split = {"test": 0.3, "validation": 0.2}
    _, out = clean({"a.txt": "\n".join(lines)}, split, documents="lines")
    apart = sides(out)
    assert sum(len({apart[line] for line in chain}) > 1 for chain in chains) > 10, "they leak if nothing is said"
    facts, out = clean({"a.txt": "\n".join(lines)}, {**split, "keep_together": 0.7}, documents="lines")
    side_of = sides(out)
    sets = {line: {line.lower()[at : at + 5] for at in range(max(1, len(line) - 4))} for line in lines}
    alike = [(a, b) for a in lines for b in lines if a < b and len(sets[a] & sets[b]) >= 0.7 * len(sets[a] | sets[b])]
    assert len(alike) > 60
    assert all(side_of[a] == side_of[b] for a, b in alike)
    assert facts["split"]["num_kept_together"] == len({line for pair in alike for line in pair})
    reversed_lines = "\n".join(reversed(lines))
    _, out = clean({"b.txt": reversed_lines}, {**split, "keep_together": 0.7}, documents="lines", processes=2)
    assert sides(out) == side_of, "neither the order of rows nor processes matter"


def test_groups_that_share_near_duplicates_are_on_one_side(clean: Clean) -> None:
    rng = random.Random(6)
    rows = [{"text": text, "author": f"poet {number % 20}"} for number, text in enumerate(texts(100))]
    copied = [{"text": edited(rows[number]["text"], rng), "author": f"poet {number % 20 + 20}"} for number in range(10)]
    rows += copied + [{"text": text, "author": f"poet {20 + number % 20}"} for number, text in enumerate(texts(60, 9))]
    split = {"by": "group", "group": "{author}", "test": 0.4, "keep_together": 0.7}
    _, out = clean({"a.jsonl": rows}, split)
    side_of = sides(out)
    by_author = {row["author"]: side_of[row["text"]] for row in rows}
    assert all(by_author[row["author"]] == side_of[row["text"]] for row in rows)
    assert all(by_author[f"poet {number}"] == by_author[f"poet {number + 20}"] for number in range(10))
    assert set(by_author.values()) == {"train", "test"}


@pytest.mark.parametrize(
    "split",
    [
        {"by": "group", "group": "{author}", "validation": 0.2, "test": 0.2},
        {"by": "time", "time": "{date}", "validation": 0.2, "test": 0.2},
        {"stratified": "{dynasty}", "folds": 3, "fold": 1, "test": 0.1},
        {"keep_together": 0.6, "test": 0.3},
    ],
)
def test_two_processes_write_what_one_writes(clean: Clean, split: dict[str, Any]) -> None:
    rows = poems(200)
    files = {"a.jsonl": rows[:120], "b.jsonl": [*rows[100:], *rows[:9]]}
    (facts, one), (others, two) = (clean(files, split, processes=processes) for processes in (1, 2))
    assert contents(one) == contents(two)
    assert facts == others


def test_conversations_of_one_user_are_on_one_side(clean: Clean, reporter: Any) -> None:
    rows: list[dict[str, Any]] = [
        {"instruction": f"Question {number}?", "output": f"It is {number}.", "user": number % 17}
        for number in range(120)
    ]
    rows.append({"instruction": "Who asks?", "output": "Nobody.", "user": None})
    split = {"by": "group", "group": "{user}", "validation": 0.3}
    facts, out = clean({"a.jsonl": rows}, split, into="examples")
    users = {side: {row["row"] % 17 for row in read_examples(out, side)} for side in SPLITS}
    assert not users["train"] & users["validation"]
    assert len(users["train"] | users["validation"]) == 17
    assert facts["dropped_by_reason"] == {"no group for the split: 'user' is null": 1}
    assert not any("not used" in said for said in reporter.messages)


def test_answers_to_one_prompt_are_on_one_side(clean: Clean) -> None:
    labelled = [
        {"prompt": f"Question {number % 40}?", "completion": f"It is {number}.", "label": number % 3 == 0}
        for number in range(160)
    ]
    turns = [{"messages": [{"role": "user", "content": f" Question  {number}?"}, {"role": "assistant", "content": "?"}]}
             for number in range(40)]  # fmt: skip
    files = {"a.jsonl": labelled, "b.jsonl": turns}
    facts, out = clean(files, {"by": "group", "group": "prompt", "test": 0.3}, into="examples")
    answers = {side: read_examples(out, side) for side in SPLITS}
    asked = {side: {" ".join(row["messages"][0]["content"].split()) for row in answers[side]} for side in SPLITS}
    assert not asked["train"] & asked["test"]
    assert facts["split"]["num_groups"] == {side: len(asked[side]) for side in SPLITS}
    assert sum(facts["num_examples"].values()) == 200
    with pytest.raises(ValueError, match="documents have no prompt"):
        clean(files, {"by": "group", "group": "prompt", "test": 0.3})
