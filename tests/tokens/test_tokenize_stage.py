"""``do: tokenize`` as a whole: every token of every example is there once, and the bad cases are refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from danlu.artifacts.dropped import read_dropped, write_dropped
from danlu.artifacts.examples import write_examples
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.models.chat import render
from danlu.settings import Workspace
from danlu.tokens import stage
from danlu.tokens.config import TokenizeConfig
from packed_rows import rows_of

Tokenize = Callable[..., tuple[dict[str, Any], Path]]


def example(number: int, question: str, answer: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"id": f"{number:016x}", "messages": turns, "source": "file:x", "row": number}


def some_examples(count: int) -> list[dict[str, Any]]:
    return [example(number, f"What is {number}?", "a b c d " * (number % 9 + 1)) for number in range(count)]


@pytest.fixture
def tokenize(tmp_path: Path, tiny_model_dir: Path, workspace: Workspace, reporter: Any) -> Tokenize:
    """Run the stage on splits of examples (train first) with the tokenizer of `model`."""

    def run(
        *splits: list[dict[str, Any]], model: Path = tiny_model_dir, part: str | None = None, **settings: Any
    ) -> tuple[dict[str, Any], Path]:
        data, out = tmp_path / "data", tmp_path / "out"
        for directory in (data, out):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        for index, split in enumerate(SPLITS):
            write_examples(data, split, splits[index] if index < len(splits) else [])
        write_dropped(data, [])
        characters = sum(len(turn["content"]) for rows in splits for row in rows for turn in row["messages"])
        config = TokenizeConfig.model_validate({"do": "tokenize", "data": "rows", "tokenizer": "base", **settings})
        context = StageContext(
            name="packed",
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=reporter,
            directory=tmp_path,
            inputs={"data": [given_as(data, part, num_characters=characters)], "tokenizer": [given_as(model, None)]},
            sources={},
        )
        estimate = stage.plan(config, context)
        assert estimate.facts == {"length": config.length}
        return stage.run(config, context, out), out

    return run


def given_as(path: Path, part: str | None, **facts: Any) -> Input:
    artifact: Any = SimpleNamespace(path=path)
    return Input(name=path.name, kind="any", part=part, artifact=artifact, facts=facts)


def example_ids(out: Path) -> list[str]:
    """Of the training examples, in the order of the store."""
    ids: list[str] = pq.read_table(out / "train" / "documents.parquet").column("id").to_pylist()
    return ids


TEXT = st.text("ab 丹?\n", min_size=1, max_size=40).map(str.strip).filter(bool)


@pytest.mark.parametrize("packing", ["best_fit", "none"])
@given(pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
def test_every_example_is_there_whole_and_once(
    tokenize: Tokenize, tiny_tokenizer: Any, packing: str, pairs: list[tuple[str, str]]
) -> None:
    examples = [example(number, *pair) for number, pair in enumerate(pairs)]
    facts, out = tokenize(examples, examples[:1], packing=packing, length=256)
    store = TokenStore.open(out, "train")
    assert store.row_offsets is not None
    names = example_ids(out)
    rows = rows_of(store)
    found = {}
    for index, row in enumerate(rows):
        assert len(row.input_ids) <= 256
        assert row.document_lengths.sum() == len(row.input_ids)
        ids = names[store.row_offsets[index] : store.row_offsets[index + 1]]
        borders = np.cumsum(row.document_lengths)[:-1]
        parts = zip(ids, np.split(row.input_ids, borders), np.split(row.supervised, borders), strict=True)
        found.update({name: (tokens.tolist(), mask.tolist()) for name, tokens, mask in parts})
    expected = {}
    for one in examples:
        rendered = render(tiny_tokenizer, one["messages"])
        expected[one["id"]] = (rendered.input_ids.tolist(), rendered.supervised.tolist())
    assert found == expected
    assert len(names) == len(examples)
    assert facts["num_rows"]["train"] == (len(examples) if packing == "none" else len(rows))
    assert facts["num_documents"] == {"train": len(examples), "validation": 1, "test": 0}


def test_facts_agree_with_the_rows(tokenize: Tokenize, tiny_tokenizer: Any) -> None:
    facts, out = tokenize(some_examples(40), some_examples(5), length=128)
    stores = {split: TokenStore.open(out, split) for split in SPLITS}
    train = stores["train"]
    assert train.supervised is not None
    num_rows = len(rows_of(train))
    assert facts["length"] == 128
    for name in ("num_tokens", "num_supervised"):
        assert facts[name] == {split: getattr(stores[split], name) for split in SPLITS}
    assert facts["num_rows"] == {split: len(rows_of(stores[split])) for split in SPLITS}
    assert facts["share_supervised"] == pytest.approx(train.supervised.mean())
    assert facts["fill"] == pytest.approx(train.num_tokens / num_rows / 128)
    assert facts["fill"] > 0.8
    assert facts["fingerprint"] == train.fingerprint
    assert facts["vocabulary_size"] == len(tiny_tokenizer)
    assert facts["end_of_turn_trained"] is True
    assert facts["document_length_percentiles"]["100"] == train.document_lengths.max()
    assert sum(facts["document_lengths_train"]["counts"]) == train.num_documents
    assert facts["sum_squared_document_lengths"]["train"] == sum(int(n) ** 2 for n in train.document_lengths)
    assert json.loads(json.dumps(facts)) == facts
    assert tokenize(some_examples(40), some_examples(5), length=128)[0] == facts


LONG = example(7, "q", "word " * 200)


def test_overlong_examples_are_dropped_and_said(tokenize: Tokenize, reporter: Any) -> None:
    facts, out = tokenize([*some_examples(3), LONG], length=64)
    assert facts["dropped_by_reason"] == {"longer than 64 tokens": 1}
    (row,) = read_dropped(out)
    assert row["id"] == LONG["id"]
    assert row["reason"].startswith("longer than 64 tokens (")
    assert row["text"].startswith("q\nword word")
    assert reporter.warnings == ["1 examples left out: longer than 64 tokens."]


def test_truncated_examples_lose_their_end_of_turn_and_it_is_said(
    tokenize: Tokenize, tiny_tokenizer: Any, reporter: Any
) -> None:
    far = example(8, "q " * 200, "a")
    facts, out = tokenize([*some_examples(3), LONG, far], length=64, overlong="truncate", packing="none")
    assert facts["num_truncated"] == 1
    assert facts["dropped_by_reason"] == {"no token to learn before the cut": 1}
    assert facts["end_of_turn_trained"] is True
    row = rows_of(TokenStore.open(out, "train"))[example_ids(out).index(LONG["id"])]
    assert row.input_ids.tolist() == render(tiny_tokenizer, LONG["messages"]).input_ids[:64].tolist()
    assert any("lose their end of turn" in warning for warning in reporter.warnings)


def changed(tiny_model_dir: Path, directory: Path, template: str | None) -> Path:
    """The tiny model with another chat template."""
    shutil.copytree(tiny_model_dir, directory)
    (directory / "chat_template.jinja").unlink(missing_ok=True)
    if template is not None:
        (directory / "chat_template.jinja").write_text(template)
    return directory


def test_template_without_an_end_is_warned_of(
    tokenize: Tokenize, tiny_model_dir: Path, tmp_path: Path, reporter: Any
) -> None:
    template = (
        "{% for m in messages %}{{ m['role'] + ':\n' + m['content'] + '\n\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant:\n' }}{% endif %}"
    )
    facts, _ = tokenize(some_examples(3), model=changed(tiny_model_dir, tmp_path / "open", template))
    assert facts["end_of_turn_trained"] is False
    assert any("the end of turn is not trained" in warning for warning in reporter.warnings)


def test_model_without_a_template_gets_one_and_it_is_said(
    tokenize: Tokenize, tiny_model_dir: Path, tmp_path: Path, reporter: Any
) -> None:
    facts, _ = tokenize(some_examples(3), model=changed(tiny_model_dir, tmp_path / "none", None))
    assert facts["end_of_turn_trained"] is True
    assert reporter.warnings[0].startswith("The tokenizer has no chat template; ChatML is used")


def test_examples_the_template_refuses_are_left_out_with_its_words(
    tokenize: Tokenize, tiny_model_dir: Path, tmp_path: Path
) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
        "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    refused = example(9, "q", "a")
    refused["messages"].insert(0, {"role": "system", "content": "s"})
    model = changed(tiny_model_dir, tmp_path / "strict", template)
    facts, out = tokenize([*some_examples(3), refused], model=model)
    assert [row["row"] for row in read_dropped(out)] == [9]
    assert Counter(facts["dropped_by_reason"]) == {"The chat template refuses the conversation: No system role": 1}
    with pytest.raises(UserError, match=r"trains on nothing.*1 x The chat template refuses"):
        tokenize([refused], model=model)


def test_training_on_nothing_is_refused(tokenize: Tokenize) -> None:
    with pytest.raises(UserError, match=r"trains on nothing.*1 x longer than 64 tokens") as caught:
        tokenize([LONG], some_examples(3), length=64)
    assert "Raise 'length'" in caught.value.hint
    with pytest.raises(UserError, match="it has no examples"):
        tokenize([], some_examples(3))


def test_overlong_can_be_an_error(tokenize: Tokenize) -> None:
    with pytest.raises(UserError, match=f"Example {LONG['id']}.* more than the 64 of a row"):
        tokenize([LONG], length=64, overlong="error")


def test_rows_longer_than_the_context_are_refused(tokenize: Tokenize, tiny_model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="length: 513 tokens are more than the 512"):
        tokenize(some_examples(3), length=513)
    nested = changed(tiny_model_dir, tmp_path / "nested", "{{ messages }}")
    config = json.loads((nested / "config.json").read_text())
    config["text_config"] = {"max_position_embeddings": config.pop("max_position_embeddings")}
    (nested / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="length: 600 tokens are more than the 512"):
        tokenize(some_examples(3), model=nested, length=600)


def test_one_split_is_not_all_data(tokenize: Tokenize) -> None:
    with pytest.raises(UserError, match=r"data\.train is one split"):
        tokenize(some_examples(3), part="train")


@pytest.mark.parametrize("settings", [{"length": 1}, {"packing": "tight"}, {"overlong": "wrap"}, {"lenght": 4}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TokenizeConfig.model_validate({"do": "tokenize", "data": "rows", "tokenizer": "base", **settings})


def test_bad_answers_are_left_out_and_rejected_ones_are_not_learnt(
    tokenize: Tokenize, tiny_tokenizer: Any, reporter: Any
) -> None:
    good, bad = ({**example(number, "q?", "a b"), "desirable": number == 0} for number in range(2))
    pair = example(2, "Which?", "This one.")
    pair["rejected"] = [pair["messages"][0], {"role": "assistant", "content": "None, never."}]
    facts, out = tokenize([good, bad, pair])
    assert facts["dropped_by_reason"] == {"labelled as a bad answer": 1}
    assert [row["id"] for row in read_dropped(out)] == [bad["id"]]
    text = tiny_tokenizer.decode([token for row in rows_of(TokenStore.open(out, "train")) for token in row.input_ids])
    assert "This one." in text
    assert "never" not in text
    assert "1 examples left out: labelled as a bad answer." in reporter.warnings
    assert any(said.startswith("Of 1 pairs the chosen answers are learnt from") for said in reporter.messages)


def test_a_template_without_tools_is_warned_of(tokenize: Tokenize, tiny_tokenizer: Any, reporter: Any) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": {}}}
    one = example(0, "q?", "")
    one["messages"][1]["tool_calls"] = [call]
    one["tools"] = [{"type": "function", "function": {"name": "f"}}]
    _, out = tokenize([one])
    text = tiny_tokenizer.decode([token for row in rows_of(TokenStore.open(out, "train")) for token in row.input_ids])
    assert '{"name": "f", "arguments": {}}' in text
    assert any("calls of tools are written as JSON into the answer" in warning for warning in reporter.warnings)
