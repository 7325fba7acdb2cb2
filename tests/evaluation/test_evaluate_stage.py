"""The stage from recipe settings to published files, on a tiny model and its adapter."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError
from test_scoring import examples, reference_nll, rendered

from corpus_files import write_corpus
from danlu.artifacts.examples import write_examples
from danlu.artifacts.manifest import Manifest, Parent
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.evaluation import stage
from danlu.evaluation.config import EvaluateConfig
from danlu.settings import Workspace


def publish(store: ArtifactStore, kind: str, name: str, fill: Any, parents: list[Parent], facts: Any) -> Artifact:
    manifest = Manifest(
        id=f"{name:0<16}",
        kind=kind,
        stage="test",
        name=name,
        stage_version=1,
        settings={},
        parents=parents,
        facts=facts,
        created="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        peak_memory_bytes=1,
    )
    with store.publish(kind, manifest.id) as (directory, commit):
        fill(directory)
        return commit(manifest)


@pytest.fixture
def world(workspace: Workspace, tiny_model_dir: Path, tiny_tokenizer: Any, reporter: Any) -> Any:
    """``world(rows)``: a context with a base model, an adapter on it, and held-out rows."""
    store = ArtifactStore(workspace.artifacts)

    def make(rows: list[dict[str, Any]]) -> StageContext:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        def fill_adapter(directory: Path) -> None:
            torch.manual_seed(1)
            model = AutoModelForCausalLM.from_pretrained(tiny_model_dir)
            config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
            get_peft_model(model, config).save_pretrained(directory)
            tiny_tokenizer.save_pretrained(directory)

        def fill_base(directory: Path) -> None:
            shutil.copytree(tiny_model_dir, directory, dirs_exist_ok=True)

        base = publish(store, "model", "base", fill_base, [], {"num_parameters": 50_000})
        parent = Parent(field="model", name="base", kind="model", id=base.id)
        tuned = publish(store, "model", "tuned", fill_adapter, [parent], {"num_parameters": 50_000})
        counts = {"num_examples": {"train": 0, "test": len(rows)}, "num_characters": 100 * len(rows)}
        data = publish(store, "examples", "rows", lambda out: write_examples(out, "test", rows), [], counts)
        inputs = {
            "models": [Input(each.manifest.name, "model", None, each, each.facts) for each in (base, tuned)],
            "data": [Input("rows", "examples", "test", data, data.facts)],
        }
        return StageContext(
            name="proof",
            workspace=workspace,
            store=store,
            reporter=reporter,
            directory=workspace.runs,
            inputs=inputs,
            sources={},
        )

    return make


def settings(**changes: Any) -> EvaluateConfig:
    return EvaluateConfig.model_validate(
        {
            "do": "evaluate",
            "models": ["base", "tuned"],
            "data": "rows.test",
            "precision": "float32",
            "bootstrap": {"samples": 200},
            "generations": {"rows": 2, "max_new_tokens": 6},
            **changes,
        }
    )


def test_documents_of_a_corpus_are_scored_whole_and_gone_on_with(
    world: Any, tmp_path: Path, tiny_model: Any, tiny_tokenizer: Any
) -> None:
    texts = [f"Document {number} on alchemy, 丹炉. " + "More words follow. " * number for number in range(9)]
    context = world(examples(2))
    counts = {"num_documents": {"train": 0, "test": 9}, "num_characters": {"train": 0, "test": sum(map(len, texts))}}
    corpus = publish(context.store, "corpus", "texts", lambda out: write_corpus(out, texts, "test"), [], counts)
    context = replace(context, inputs={**context.inputs, "data": [Input("texts", "corpus", None, corpus, counts)]})
    config = settings(rows=6, length=40, data="texts")
    assert "6 rows of texts.test" in stage.plan(config, context).notes[0]
    facts = stage.run(config, context, tmp_path)

    end = tiny_tokenizer.convert_tokens_to_ids("<|endoftext|>")
    nll, num_tokens = 0.0, 0
    for text in texts[:6]:
        ids = torch.tensor([[*tiny_tokenizer(text, add_special_tokens=False).input_ids, end][:40]])
        with torch.no_grad():
            loss = tiny_model(input_ids=ids, labels=ids).loss.item()
        nll, num_tokens = nll + loss * (ids.shape[1] - 1), num_tokens + ids.shape[1] - 1
    assert facts["num_tokens"] == num_tokens
    assert facts["loss"]["base"] == pytest.approx(nll / num_tokens, rel=1e-5)
    (first, _) = facts["generations"]
    assert first["prompt"] + first["reference"] == texts[0]
    assert first["prompt"]


def test_a_whole_evaluation(world: Any, tmp_path: Path, tiny_model: Any, tiny_tokenizer: Any) -> None:
    context = world(examples(8)[::-1])
    facts = stage.run(settings(), context, tmp_path)

    rows = rendered(tiny_tokenizer, 8)
    expected = sum(reference_nll(tiny_model, row) for row in rows) / sum(int(row.supervised.sum()) for row in rows)
    assert facts["loss"]["base"] == pytest.approx(expected, rel=1e-5)
    assert facts["loss"]["tuned"] != facts["loss"]["base"]
    for name in ("base", "tuned"):
        low, high = facts["loss_interval"][name]
        assert low < facts["loss"][name] < high
    assert facts["difference"]["tuned"]["mean"] == pytest.approx(facts["loss"]["tuned"] - facts["loss"]["base"])
    assert facts["num_rows"] == 8
    assert [set(each["answers"]) for each in facts["generations"]] == [{"base", "tuned"}] * 2
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts

    table = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert len(table) == 16
    assert sum(row["nll"] for row in table if row["model"] == "base") == pytest.approx(
        facts["loss"]["base"] * facts["num_tokens"]
    )
    assert [each["id"] for each in json.loads((tmp_path / "generations.json").read_text())] == [
        f"{0:016x}",
        f"{1:016x}",
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert [model["name"] for model in report["models"]] == ["base", "tuned"]
    page = (tmp_path / "report.html").read_text()
    assert facts["summary"] in page.replace("&#39;", "'")
    assert page.count("<svg") == 2
    assert "http" not in page, "the page needs something from outside"


def test_greedy_answers_equal_those_of_a_plain_loop(world: Any, tmp_path: Path, tiny_model: Any) -> None:
    from transformers import AutoTokenizer

    from danlu.models.chat import prompt_ids

    rows = examples(6)
    context = world(rows)
    stage.run(settings(generations={"rows": 6, "max_new_tokens": 5}), context, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(context.inputs["models"][0].path)
    for row, made in zip(rows, json.loads((tmp_path / "generations.json").read_text()), strict=True):
        ids = prompt_ids(tokenizer, row["messages"][:1])
        prompt_length = len(ids)
        for _ in range(5):
            with torch.no_grad():
                ids.append(int(tiny_model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
        assert made["answers"]["base"] == tokenizer.decode(ids[prompt_length:], skip_special_tokens=True).strip()
        assert made["reference"] == row["messages"][1]["content"]


def test_left_out_rows_are_said_and_written(world: Any, tmp_path: Path, reporter: Any) -> None:
    rows = examples(5)
    rows[2]["messages"][1]["content"] = "fox " * 600  # beyond what the tiny model can read
    facts = stage.run(settings(), world(rows), tmp_path)
    assert facts["num_rows"] == 4
    assert reporter.warnings == ["1 of 5 rows are not scored: longer than 512 tokens."]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["data"]["dropped"] == [{"id": rows[2]["id"], "reason": "longer than 512 tokens"}]


@pytest.mark.parametrize("call", [stage.plan, lambda *a: stage.run(*a, Path("unused"))], ids=["plan", "run"])
def test_an_empty_part_is_explained(world: Any, call: Any) -> None:
    with pytest.raises(UserError, match=r"part 'test' of 'rows' holds no rows"):
        call(settings(), world([]))


def test_too_few_rows_are_explained(world: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="intervals need 2"):
        stage.run(settings(), world(examples(1)), tmp_path)


def test_one_model_alone_is_described(world: Any, tmp_path: Path) -> None:
    context = world(examples(4))
    context = replace(context, inputs={**context.inputs, "models": context.inputs["models"][:1]})
    facts = stage.run(settings(models=["base"], generations={"rows": 0}), context, tmp_path)
    assert facts["difference"] == {}
    assert facts["generations"] == []
    assert "base has a loss of" in facts["summary"]


def test_the_plan_foretells_the_names_of_the_facts(world: Any, tmp_path: Path) -> None:
    context = world(examples(4))
    foretold = stage.plan(settings(), context).facts
    facts = stage.run(settings(), context, tmp_path)
    assert set(foretold) <= set(facts)
    assert foretold["num_rows"] == facts["num_rows"]
    assert set(foretold["loss"]) == set(facts["loss"])
    assert set(foretold["difference"]) == set(facts["difference"])


@pytest.mark.parametrize(
    "changes",
    [{"models": []}, {"models": ["base", "base"]}, {"precision": "int8"}, {"batch": 3}, {"bootstrap": {"samples": 1}}],
)
def test_bad_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)
