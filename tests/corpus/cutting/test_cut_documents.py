"""``deduplicate: {lines, paragraphs}``: what is left of documents equals a count in plain Python."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.tags import read_tags
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.corpus.item import id_of_text, normalise
from danlu.corpus.splitting.sides import position_of
from danlu.corpus.working import cutting, driver, pool
from danlu.errors import Stopped, UserError

Clean = Callable[..., tuple[dict[str, Any], Path]]
MENU = ["Home | News | About us", "Sign in to read more", "版权所有，翻印必究，违者必究"]
WORDS = "the fox went out on a chilly night and prayed to moon 丹炉 炼金 术士 夜晚".split()  # noqa: SIM905


def pages(num_pages: int = 60) -> list[str]:
    """With a menu above and below, some lines of their own, and some that they share; the last three are copies."""
    rng = random.Random(5)
    stock = [" ".join(rng.choices(WORDS, k=8)) for _ in range(40)]
    found = []
    for number in range(num_pages):
        own = [f"{number} " + " ".join(rng.choices(WORDS, k=6)) for _ in range(rng.randint(0, 4))]
        body = [*own, *rng.sample(stock, 3), "}", "-----------------"]
        rng.shuffle(body)
        found.append("\n".join([*MENU[:2], "", *body, "", MENU[2]]))
    return [*found, *found[3:6]]


@pytest.fixture
def clean(tmp_path: Path, context_in: Callable[..., StageContext], monkeypatch: pytest.MonkeyPatch) -> Clean:
    monkeypatch.setattr(driver, "PART_BYTES", 8000)
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)

    def run(name: str, texts: list[str], deduplicate: dict[str, Any], **settings: Any) -> tuple[dict[str, Any], Path]:
        file = tmp_path / "pages.jsonl"
        file.write_text("\n".join(json.dumps({"text": text}) for text in texts))
        source = Source(file, SourceRecord(uri="file:pages.jsonl", sha256="0" * 64, num_bytes=0))
        content = {"do": "clean", "into": "corpus", "from": "file:pages.jsonl", "deduplicate": deduplicate}
        config = CleanConfig.model_validate({**content, "split": {"validation": 0.2}, **settings})
        (tmp_path / name).mkdir(exist_ok=True)
        context = context_in(tmp_path / name, [source])
        out = tmp_path / f"{name}-out"
        out.mkdir(exist_ok=True)
        return stage.run(config, context, out), out

    return run


def kept(out: Path) -> dict[int, dict[str, Any]]:
    """By row."""
    rows = [
        {**row, "split": split} for split in SPLITS for batch in read_documents(out, split) for row in batch.to_pylist()
    ]
    return {row["row"]: row for row in sorted(rows, key=lambda row: row["row"])}


def by_count(texts: list[str], lines: int, shortest: int = 10) -> list[str]:
    """The slow way: what is left of each text."""
    seen: Counter[str] = Counter()
    left = []
    for text in texts:
        stay = []
        for line in text.split("\n"):
            normalised = normalise(line)
            if len(normalised) >= shortest and any(map(str.isalnum, normalised)):
                seen[normalised] += 1
                if seen[normalised] > lines:
                    continue
            stay.append(line)
        left.append("\n".join(stay).strip())
    return left


@pytest.mark.parametrize("lines", [1, 3])
def test_lines_are_left_as_often_as_was_asked_for(clean: Clean, lines: int, reporter: Any) -> None:
    texts = pages()
    facts, out = clean("pages", texts, {"lines": lines}, processes=1)
    expected = by_count(texts[:-3], lines)
    found = kept(out)
    dropped = {row["row"]: row for row in read_dropped(out)}
    assert set(found) | set(dropped) == set(range(len(texts)))
    for number, row in found.items():
        assert row["text"] == expected[number]
        assert row["id"] == id_of_text(row["text"])
        at = position_of(0, normalise(row["text"])) / 2**64
        assert row["split"] == ("validation" if at < 0.2 else "train")
    for number, row in dropped.items():
        reason = row["reason"]
        if number >= len(expected):
            first = pq.read_table(out / "cuts.parquet").to_pylist()
            ids = {cut["row"]: cut["id"] for cut in first}
            assert reason == f"exact duplicate of {ids[number - 57]} (file:pages.jsonl, {number - 57})"
        elif expected[number]:
            assert normalise(expected[number]) in {normalise(text) for text in expected[:number]}
            assert reason.startswith("exact duplicate of ")
        else:
            assert reason == "too little is left without what repeats others (see cuts.parquet)"
            assert row["text"] == texts[number][:200]
    check_cuts(out, texts, facts)
    assert any("lines are taken out of documents" in message for message in reporter.messages)


def check_cuts(out: Path, texts: list[str], facts: dict[str, Any]) -> None:
    """Each cut names what it took, and where that stands first."""
    cuts = pq.read_table(out / "cuts.parquet").to_pylist()
    assert len(cuts) == sum(facts["num_cut"][kind] for kind in ("lines", "paragraphs", "substrings"))
    assert sum(cut["end"] - cut["start"] for cut in cuts) == facts["num_cut"]["characters"] > 0
    assert cuts == sorted(cuts, key=lambda cut: (cut["row"], cut["start"]))
    found = kept(out)
    for cut in cuts:
        text = texts[cut["row"]]
        taken = text[cut["start"] : cut["end"]]
        assert cut["text"] == taken[:200]
        assert cut["id_before"] == id_of_text(text)
        if cut["row"] in found:
            assert cut["id"] == found[cut["row"]]["id"]
        first = texts[cut["first_row"]][cut["first_start"] :]
        assert normalise(first).startswith(normalise(taken))
        assert (cut["first_row"], cut["first_start"]) < (cut["row"], cut["start"])
        assert cut["similarity"] == 1
        if cut["first_row"] in found:
            assert cut["first_id"] == found[cut["first_row"]]["id"]
            assert normalise(taken) in normalise(found[cut["first_row"]]["text"])


def test_paragraphs_go_before_lines_and_what_is_left_is_compared_again(clean: Clean) -> None:
    texts = [
        "Read this first, please.\nIt is short.\n\nOne of a kind, number one.",
        "Read this first,  please.\nIt is short.\n\nAnother page entirely.\nRead this first, please.",
        "Another page entirely.\nRead this first, please.\n\nOne of a kind, number two.",
        "Read this first, please.\nIt is short.\n\nOne of a kind, number two!\n\nToo short",
    ]
    facts, out = clean("pages", texts, {"paragraphs": 1, "lines": 2, "near": 0.6}, processes=1, min_characters=12)
    found = kept(out)
    assert {number: row["text"] for number, row in found.items()} == {
        0: texts[0],
        1: "Another page entirely.\nRead this first, please.",
        2: "One of a kind, number two.",
    }
    reasons = {row["row"]: row["reason"] for row in read_dropped(out)}
    assert reasons[3].startswith(f"near duplicate of {found[2]['id']} (0.")
    assert facts["num_cut"]["paragraphs"] == 3
    assert facts["num_cut"]["lines"] == 0, "the third time stands in a paragraph that is gone"
    check_cuts(out, texts, facts)


def test_passages_are_cut_out_behind_lines(clean: Clean, reporter: Any) -> None:
    passage = "which went on for so long that nobody remembered where it had begun"
    texts = [
        f"A story, {passage}, was told.\nAll rights reserved.",
        f"All rights reserved.\nAnother story {passage} and ended well.",
        passage,
        "Nothing of that.",
    ]
    facts, out = clean("pages", texts, {"lines": 1, "substrings": 60}, processes=1)
    assert {number: row["text"] for number, row in kept(out).items()} == {
        0: texts[0],
        1: "Another story and ended well.",
        3: texts[3],
    }
    assert facts["num_cut"] == {"paragraphs": 0, "lines": 1, "substrings": 2, "characters": 21 + 68 + 67}
    (dropped,) = read_dropped(out)
    assert dropped["reason"] == "too little is left without what repeats others (see cuts.parquet)"
    check_cuts(out, texts, facts)
    assert "2 substrings are taken out of documents, since they stand elsewhere too." in reporter.messages


def test_short_lines_stay_and_short_documents_go(clean: Clean) -> None:
    texts = ["Sign in\nwhat I have to say", "Sign in\nyes", "Sign in\nwhat you have to say"]
    _, out = clean("pages", texts, {"lines": 1}, processes=1)
    assert [row["text"] for row in kept(out).values()] == texts
    _, out = clean("more", texts, {"lines": 1, "min_line_characters": 7}, processes=1, min_characters=5)
    assert {number: row["text"] for number, row in kept(out).items()} == {0: texts[0], 2: "what you have to say"}
    (left,) = read_dropped(out)
    assert (left["id"], left["text"]) == (id_of_text(texts[1]), texts[1])


def test_tags_and_finds_name_documents_that_can_be_found(clean: Clean) -> None:
    texts = [f"Write to a{number}@mail.example.org about this.\n{MENU[0]}\nPage number {number}." for number in "abc"]
    quality = {"sets": ["fineweb_quality"], "fineweb_quality": {"max_short_lines": None, "max_line_feeds": None}}
    _, out = clean("pages", texts, {"lines": 1}, processes=1, personal={}, quality=quality)
    rows = kept(out)
    assert len(rows) == 3
    for batch in read_tags(out):
        for tag in batch.to_pylist():
            assert tag["id"] == rows[tag["row"]]["id"]
            assert tag["split"] == rows[tag["row"]]["split"]
    cuts = {row["row"]: row for row in pq.read_table(out / "cuts.parquet").to_pylist()}
    finds = {row["document"] for row in pq.read_table(out / "personal.parquet").to_pylist()}
    assert finds == {cuts[row]["id_before"] if row in cuts else rows[row]["id"] for row in range(3)}


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


SETTINGS = {"paragraphs": 2, "lines": 3, "substrings": 30, "near": 0.7}


def test_any_number_of_processes_writes_the_same(clean: Clean) -> None:
    _, one = clean("one", pages(), SETTINGS, processes=1)
    _, two = clean("two", pages(), SETTINGS, processes=2)
    assert contents(one) == contents(two)


@pytest.mark.parametrize("after", [2, 9, 15])
def test_a_run_that_was_stopped_goes_on(clean: Clean, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    _, whole = clean("whole", pages(), SETTINGS, processes=1)
    worked_on, done = cutting.worked_on, []

    def interrupted(tasks: Any, num_processes: int, do: Any, scratch: Path) -> Any:
        for task in worked_on(tasks, num_processes, do, scratch):
            done.append(task)
            yield task
            if len(done) == after:
                raise Stopped(15, "")

    monkeypatch.setattr(cutting, "worked_on", interrupted)
    with pytest.raises(Stopped):
        clean("cut", pages(), SETTINGS, processes=1)
    monkeypatch.setattr(cutting, "worked_on", worked_on)
    _, resumed = clean("cut", pages(), SETTINGS, processes=2)
    assert contents(whole) == contents(resumed)


@pytest.mark.parametrize(
    ("deduplicate", "message"),
    [
        ({"lines": 0}, "greater than or equal to 1"),
        ({"paragraphs": -1}, "greater than or equal to 1"),
        ({"lines": 2, "min_line_characters": 0}, "greater than or equal to 1"),
        ({"substrings": 19}, "greater than or equal to 20"),
        ({"min_line_characters": 5}, "neither is looked for"),
    ],
)
def test_settings_that_make_no_sense(clean: Clean, deduplicate: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        clean("x", [], deduplicate)


def test_conversations_are_not_cut(clean: Clean) -> None:
    with pytest.raises(UserError, match=r"go with .into: corpus"):
        clean("x", [], {"lines": 1}, into="examples")
