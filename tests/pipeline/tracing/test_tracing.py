"""From the tokens of a real little training to the bytes of its files, and from documents and people to its models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.pipeline.api import run
from danlu.pipeline.tracing.documents import trace_document, trace_text
from danlu.pipeline.tracing.persons import trace_person
from danlu.pipeline.tracing.tokens import trace_row, trace_token
from danlu.settings import Workspace
from danlu.training.batches import Batch, BatchStream

KEY = "a key for tests, and long enough"
MOBILE = "13812345678"
WORDS = ["furnace", "raw", "material", "slowly", "steady", "temperature", "alchemist", "precious", "fox", "lazy", "dog"]
RECIPE = """
name: traced
stages:
  base: {do: import, from: "file:MODEL"}
  texts:
    do: clean
    into: corpus
    from: ["file:texts.jsonl", "file:notes", "file:more.zip"]
    documents: paragraphs
    replace: {"furnace": "丹炉"}
    min_characters: 20
    personal: {treatment: hash, kinds: {email: pseudonym}}
    split: {validation: 0.1, test: 0.1}
  chats: {do: clean, from: "file:chats.jsonl"}
  packed: {do: tokenize, data: texts, tokenizer: base, length: 96}
  talked: {do: tokenize, data: chats, tokenizer: base, length: 96}
  tuned:
    do: train
    objective: language_model
    model: base
    data: {packed: 2, talked: 1}
    budget: {steps: 9}
    batch: {rows: 3, rows_ramp: {from: 1, over: 0.5}}
    validate_every_steps: 9
    precision: fp32
  again: {do: train, model: tuned, data: talked, budget: {steps: 2}, precision: fp32}
"""


@dataclass
class World:
    """What was made."""

    workspace: Workspace
    directory: Path
    artifacts: dict[str, Artifact]
    trained: dict[int, Batch]
    """What the nine steps of ``tuned`` were made of, by step, from 0."""


def sentence(number: int) -> str:
    words = np.random.default_rng(number).choice(WORDS, 12).tolist()
    return f"Number {number}: {' '.join(words)}."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> World:
    directory = tmp_path_factory.mktemp("traced")
    rows = [{"text": sentence(number), "title": "标题"} for number in range(60)]
    rows[5]["text"] += f" Call {MOBILE}, or write to alice@example.com."
    rows[7]["text"] = "short"
    rows[9]["text"] = rows[8]["text"]
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    (directory / "texts.jsonl").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    (directory / "notes").mkdir()
    notes = "\n \n\n".join(f"笔记 {number}\n{sentence(100 + number)}" for number in range(20))
    (directory / "notes" / "a.txt").write_text(notes, encoding="utf-8")
    with ZipFile(directory / "more.zip", "w", ZIP_DEFLATED) as archive:
        archive.writestr("in/b.txt", "\n\n".join(sentence(300 + number) for number in range(20)))
    chats = [{"prompt": f"What of {number}?", "completion": sentence(200 + number)} for number in range(12)]
    (directory / "chats.jsonl").write_text("\n".join(map(json.dumps, chats)), encoding="utf-8")
    (directory / "recipe.yaml").write_text(RECIPE.replace("MODEL", str(tiny_model_dir)), encoding="utf-8")
    made: dict[BatchStream, dict[int, Batch]] = {}
    at = BatchStream.at

    def recording(self: BatchStream, step: int) -> Batch:
        batch = at(self, step)
        made.setdefault(self, {})[step] = batch
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANLU_PERSONAL_KEY", KEY)
        patch.delenv("DANLU_CACHE", raising=False)
        patch.setattr(BatchStream, "at", recording)
        result = run(directory / "recipe.yaml", directory / "workspace")
    artifacts = {name: stage.artifact for name, stage in result.stages.items() if stage.artifact}
    (trained,) = (batches for batches in made.values() if len(batches) == 9)
    return World(Workspace.open(directory / "workspace"), directory, artifacts, trained)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANLU_PERSONAL_KEY", KEY)
    monkeypatch.delenv("DANLU_CACHE", raising=False)


def documents(artifact: Artifact, split: str = "train") -> list[dict[str, Any]]:
    return [row for batch in read_documents(artifact.path, split) for row in batch.to_pylist()]


def test_the_rows_of_a_step_are_those_that_were_trained_on(world: World) -> None:
    from danlu.training.tracing import ModelTrace

    store = ArtifactStore(world.workspace.artifacts)
    trace = ModelTrace.open(world.artifacts["tuned"], store)
    for step in range(9):
        rows = [trace.row(step + 1, number) for number in range(trace.num_rows(step + 1))]
        together = np.concatenate([row.row.input_ids for row in rows])
        read = np.concatenate(
            [micro.input_ids[0, : micro.num_tokens].numpy() for micro in world.trained[step].micro_batches]
        )
        assert together.tolist() == read.tolist()
        for row in rows:
            tokens = TokenStore.open(row.tokens.path, "train")
            again = [int(tokens.input_ids(place, place + 1)[0]) for place in row.positions.tolist()]
            assert again == row.row.input_ids.tolist()
    assert trace.num_rows(1) == 1
    assert trace.num_rows(9) == 3


def test_the_bytes_of_a_token_are_the_token(world: World, tiny_tokenizer: Any) -> None:
    """The files are read as bytes, without any of the readers."""
    found = places = 0
    for step in (1, 4, 8):
        for each in trace_token(world.workspace, "tuned", step, None, None)["rows"]:
            for token in range(0, each["num_tokens"], 3):
                traced = trace_token(world.workspace, "tuned", step, each["row"], token)["token"]
                origin = traced["document"]
                data = Path(origin["file"]["path"]).read_bytes()
                if origin["file"]["packed"]:
                    data = ZipFile(origin["file"]["path"]).read("in/b.txt")
                row = data[origin["file"]["start"] : origin["file"]["stop"]]
                if origin["source"].endswith("jsonl"):
                    assert json.loads(row)
                    number = json.loads(row).get("text", json.loads(row).get("completion"))
                    assert origin["text"].replace("丹炉", "furnace")[:10] in (
                        number[:10],
                        f"What of {origin['row']}?"[:10],
                    )
                places += 1
                if origin["file"]["token"]:
                    found += 1
                    raw = data[origin["file"]["token"]["start"] : origin["file"]["token"]["stop"]].decode()
                    if "\ufffd" in traced["text"]:  # a part of a character
                        assert len(raw) == 1
                        continue
                    assert raw == traced["text"] or json.loads(f'"{raw}"') == traced["text"]
    assert places > 50
    assert found > places // 4


def test_a_document_says_what_it_passed_and_what_was_changed(world: World) -> None:
    store = world.artifacts["packed"]
    numbers = {
        row["row"]: place for place, row in enumerate(documents(world.artifacts["texts"])) if "jsonl" in row["source"]
    }
    if 5 not in numbers:
        pytest.skip("row 5 is held out")
    (document,) = trace_row(world.workspace, store.id, numbers[5])["documents"]
    origin = document["document"]
    assert origin["source"] == "file:texts.jsonl"
    assert origin["row"] == 5
    assert origin["file"]["place"] == "line 11"
    written, personal = origin["edits"]
    assert written["by"] == "replace"
    assert {(change["removed"], change["added"]) for change in written["changes"]} == {("furnace", "丹炉")}
    assert personal["by"] == "personal"
    assert any(MOBILE in change["removed"] for change in personal["changes"])
    assert {find["kind"] for find in origin["personal"]} == {"mobile", "email"}
    assert {"filter": "min_characters", "setting": 20} in origin["filters"]
    assert origin["missing"] == []


def test_a_source_that_changed_or_is_gone_is_said(world: World) -> None:
    path = world.directory / "texts.jsonl"
    content = path.read_bytes()
    numbers = [place for place, row in enumerate(documents(world.artifacts["texts"])) if "jsonl" in row["source"]]
    try:
        path.write_bytes(content + b"{}\n")
        (changed,) = trace_row(world.workspace, "packed", numbers[0])["documents"]
        path.unlink()
        (gone,) = trace_row(world.workspace, "packed", numbers[0])["documents"]
    finally:
        path.write_bytes(content)
    assert "has changed" in changed["document"]["missing"][0]
    assert "no longer there" in gone["document"]["missing"][0]
    assert gone["document"]["file"] is None
    assert gone["document"]["text"]


def test_a_document_leads_to_every_model(world: World) -> None:
    texts = world.artifacts["texts"]
    trained, measured, held_out = (documents(texts, split)[0]["id"] for split in ("train", "validation", "test"))
    seen = {each["name"]: each["how"] for each in trace_document(world.workspace, trained)["reached"]}
    assert seen["tuned"] == "trained on it"
    assert seen["again"] == "made from model tuned as its model"
    seen = {each["name"]: each["how"] for each in trace_document(world.workspace, measured)["reached"]}
    assert seen["tuned"] == "measured on it while it was trained"
    assert not trace_document(world.workspace, held_out)["reached"]
    first = json.loads((world.directory / "chats.jsonl").read_text().splitlines()[0])
    chat = trace_text(world.workspace, first["completion"], inside=True)
    assert chat["num_documents"] == 1
    assert {each["name"]: each["how"] for each in chat["reached"]} == {
        "tuned": "trained on it",
        "again": "trained on it",
    }
    with pytest.raises(UserError, match="No artifact"):
        trace_document(world.workspace, "0" * 16)


def test_the_steps_that_read_a_document_are_those_whose_batches_hold_it(world: World) -> None:
    store = TokenStore.open(world.artifacts["packed"].path, "train")
    found = 0
    for number, row in enumerate(documents(world.artifacts["texts"])[:6]):
        (own,) = (each for each in trace_document(world.workspace, row["id"], steps=True)["steps"])
        start, end = store.document_offsets[number : number + 2].tolist()
        beginning = store.input_ids(start, end).tolist()[:8]
        # The text of each begins with its number, so that its first tokens are nobody else's.
        held = [
            step + 1
            for step, batch in world.trained.items()
            if any(_holds(micro.input_ids[0].tolist(), beginning) for micro in batch.micro_batches)
        ]
        assert set(held) <= set(own["steps"])
        found += len(held)
    assert found


def _holds(tokens: list[int], wanted: list[int]) -> bool:
    return any(tokens[place : place + len(wanted)] == wanted for place in range(len(tokens)))


def test_a_person_is_found_by_hash_and_pseudonym_and_what_is_unknown_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trace_person(world.workspace, "138-1234-5678")
    assert found["num_documents"] == 1
    assert [each["as"] for each in found["found"]] == ["mobile, treated (hash)"]
    assert MOBILE not in json.dumps(found)
    by_mail = trace_person(world.workspace, "alice@example.com")
    assert {each["as"] for each in by_mail["found"]} == {"its pseudonym as email", "email, treated (pseudonym)"}
    assert by_mail["documents"] == found["documents"]
    split = next(each["split"] for each in found["held"] if each["kind"] == "corpus")
    assert ("tuned" in {each["name"] for each in found["reached"]}) == (split in ("train", "validation"))
    (text,) = (row["text"] for row in documents(world.artifacts["texts"], split) if row["id"] in found["documents"])
    pseudonym = next(word for word in text.split() if word.endswith(".invalid.")).rstrip(".")
    assert trace_person(world.workspace, pseudonym)["documents"] == found["documents"]
    hashed = text.split(":")[-1].split(">")[0]
    assert trace_person(world.workspace, hashed)["documents"] == found["documents"]
    monkeypatch.delenv("DANLU_PERSONAL_KEY")
    without = trace_person(world.workspace, MOBILE)
    assert not without["found"]
    assert any("DANLU_PERSONAL_KEY" in each for each in without["cannot_tell"])
    assert any("base" in each for each in without["cannot_tell"])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nobody", 1, 0, 0), "nobody"),
        (("base", 1, 0, 0), "not trained"),
        (("tuned", 10, 0, 0), "9 steps"),
        (("tuned", 1, 1, 0), "has 1 rows"),
        (("tuned", 1, 0, 999), "the row has 60 tokens"),
        (("tuned", 1, None, 3), "of which row"),
    ],
)
def test_what_is_not_there_is_said(world: World, arguments: Any, what: str) -> None:
    with pytest.raises(UserError, match=what):
        trace_token(world.workspace, *arguments)
