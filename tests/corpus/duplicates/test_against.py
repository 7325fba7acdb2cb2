"""New data held against what is there already (``deduplicate.against``), as a recipe and as a command."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba")

from plain_near import plain_jaccard, plain_near, plain_set

import danlu
from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.examples import read_examples
from danlu.artifacts.splits import SPLITS
from danlu.cli.main import run_cli
from danlu.corpus.conversations.conversation import Conversation, Example
from danlu.corpus.working import earlier, pool
from danlu.errors import UserError

WORDS = [*"丹炉炼金术士的夜晚", *"the fox went out on a chilly night and prayed to the moon".split()]  # noqa: SIM905


def drawn(seed: int, number: int, near: list[str]) -> list[str]:
    """Texts of random words, and some that nearly repeat others."""
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(12, 60))) for _ in range(number)]
    texts += [f"{text} 再来" for text in rng.sample(near, min(30, len(near)))]
    texts += [f"{text} moon" for text in rng.sample(texts, number // 5)]
    rng.shuffle(texts)
    return [text for text in dict.fromkeys(texts) if len(text) > 30]


def write_lines(path: Path, texts: list[str]) -> None:
    path.write_text("\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts), encoding="utf-8")


def artifacts(recipe: Path, workspace: Path, **changes: Any) -> dict[str, Any]:
    """By stage."""
    found = danlu.run(recipe, workspace, set=changes).stages
    return {name: stage.artifact for name, stage in found.items()}


def kept(path: Path) -> list[dict[str, Any]]:
    return [row for split in SPLITS for batch in read_documents(path, split) for row in batch.to_pylist()]


RECIPE = """\
name: t
stages:
  old: {do: clean, into: corpus, from: old.jsonl, split: {test: 0.3}}
  new:
    do: clean
    into: corpus
    from: new.jsonl
    deduplicate: {near: 0.7, against: old}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    old = drawn(1, 150, [])
    write_lines(tmp_path / "old.jsonl", old)
    write_lines(tmp_path / "new.jsonl", [*old[:20], *drawn(2, 150, old)])
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def read(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("part", ["old", "old.train", "old.test"])
def test_what_is_left_out_equals_a_comparison_of_all_pairs(recipe: Path, tmp_path: Path, part: str) -> None:
    recipe.write_text(RECIPE.replace("against: old", f"against: [{part}]"), encoding="utf-8")
    found = artifacts(recipe, tmp_path / "workspace")
    splits = SPLITS if part == "old" else [part.removeprefix("old.")]
    old = [row for split in splits for batch in read_documents(found["old"].path, split) for row in batch.to_pylist()]
    new = read(tmp_path / "new.jsonl")
    texts = [row["text"] for row in old] + new
    left_out = [texts[row] for row in plain_near([text.lower() for text in texts], 0.7, len(old))]
    dropped = read_dropped(found["new"].path)
    assert sorted(row["text"] for row in dropped) == sorted(text[:200] for text in left_out)
    assert sorted(row["text"] for row in kept(found["new"].path)) == sorted(
        text for text in new if text not in set(left_out)
    )
    identity = found["old"].id
    texts_by_id = {row["id"]: row["text"] for row in old}
    num_exact = num_near = 0
    for row in dropped:
        kind, _, where = row["reason"].partition(" duplicate of ")
        its_id, _, where = where.partition(" ")
        if its_id not in texts_by_id:
            assert "corpus" not in where
            continue
        if kind == "exact":
            num_exact += 1
            assert where == f"(corpus {identity})"
        else:
            num_near += 1
            similarity = plain_jaccard(plain_set(new[row["row"]]), plain_set(texts_by_id[its_id]))
            assert similarity >= 0.7
            assert where == f"(corpus {identity}, {similarity:.2f})"
    assert num_exact > 2
    assert num_near > 2
    counts = found["new"].facts["dropped_by_reason"]
    assert counts["exact duplicate in another artifact"] == num_exact
    assert counts["near duplicate in another artifact"] == num_near
    assert found["new"].facts["num_documents_read"] == len(new)


def test_processes_and_stretches_change_nothing(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = artifacts(recipe, tmp_path / "one", **{"new.processes": 1})["new"]
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    monkeypatch.setattr(earlier, "TASK_BYTES", 1)
    monkeypatch.setattr(earlier, "ITEMS_AT_ONCE", 7)
    two = artifacts(recipe, tmp_path / "two", **{"new.processes": 2})["new"]
    assert one.id == two.id
    names = sorted(path.name for path in one.path.glob("*.parquet"))
    assert [(one.path / name).read_bytes() for name in names] == [(two.path / name).read_bytes() for name in names]


def test_what_it_is_held_against_is_part_of_the_id_and_the_parents(recipe: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    found = artifacts(recipe, workspace)
    (parent,) = found["new"].manifest.parents
    assert (parent.field, parent.id) == ("deduplicate.against", found["old"].id)
    assert found["new"].manifest.settings["deduplicate"]["against"] == [found["old"].id]
    alone = artifacts(recipe, workspace, **{"new.deduplicate.against": []})
    assert alone["new"].id != found["new"].id
    assert alone["new"].facts["dropped_by_reason"].keys() <= {"exact duplicate", "near duplicate"}


def test_two_artifacts_that_repeat_each_other(recipe: Path, tmp_path: Path) -> None:
    old = read(tmp_path / "old.jsonl")
    write_lines(tmp_path / "new.jsonl", [*old[:40], "Something that nobody has said before."])
    text = RECIPE.replace("against: old", "against: [old, again, old.test]")
    text += "  again: {do: clean, into: corpus, from: old.jsonl}\n"
    recipe.write_text(text, encoding="utf-8")
    found = artifacts(recipe, tmp_path / "workspace")
    assert len(kept(found["new"].path)) == 1
    reasons = [row["reason"] for row in read_dropped(found["new"].path)]
    assert len(reasons) == 40
    assert all(reason.endswith(f"(corpus {found['old'].id})") for reason in reasons), "the first that has it is named"


def test_conversations_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = "It is the furnace in which the alchemist makes the pill of immortality."
    rows = [{"prompt": f"What is a furnace{mark}", "completion": answer} for mark in ("?", " in Chinese?", "!?")]
    (tmp_path / "old.jsonl").write_text(json.dumps(rows[0]), encoding="utf-8")
    rows.append({"prompt": "Who wrote Faust?", "completion": "Johann Wolfgang von Goethe did."})
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    def clean(*arguments: str) -> tuple[int, str]:
        status = run_cli(["data", "clean", *arguments, "--into", "examples", "--json"])
        read = capsys.readouterr()
        return status, read.err if status else json.loads(read.out)["stages"]["data"]["path"]

    _, old = clean("old.jsonl")
    identity = Path(old).name
    against = f"deduplicate.against=[artifact:{identity[:10]}]"
    status, new = clean("new.jsonl", "--set", against, "--set", "deduplicate.near=0.7")
    assert status == 0
    (example,) = read_examples(Path(new), "train")
    assert example["messages"][0]["content"] == "Who wrote Faust?"
    (first,) = read_examples(Path(old), "train")
    sets = [plain_set(f"{row['prompt']}\n{row['completion']}".lower()) for row in rows]
    assert Example.of(Conversation(first["messages"])).id == first["id"]
    assert [row["reason"] for row in read_dropped(Path(new))] == [
        f"exact duplicate of {first['id']} (examples {identity})",
        f"near duplicate of {first['id']} (examples {identity}, {plain_jaccard(sets[0], sets[1]):.2f})",
        f"near duplicate of {first['id']} (examples {identity}, {plain_jaccard(sets[0], sets[2]):.2f})",
    ]
    status, said = clean("new.jsonl", "--set", against, "--set", "deduplicate.exact=false")
    assert status == 2
    assert "nothing is looked for" in said
    status, said = clean("new.jsonl", "--set", "deduplicate.against=nobody")
    assert status == 2
    assert "there is no stage 'nobody'" in said


def test_kinds_do_not_mix(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "chats.jsonl").write_text('{"prompt": "q", "completion": "a"}\n', encoding="utf-8")
    text = RECIPE.replace("into: corpus, from: old.jsonl, split: {test: 0.3}", "from: chats.jsonl")
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        artifacts(recipe, tmp_path / "workspace")
    assert "deduplicate.against: 'old' holds conversations, and this stage makes documents." in caught.value.what
