"""The export of a trained adapter, from recipe settings to files that other programs read; and the gate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from danlu.artifacts.examples import write_examples
from danlu.artifacts.manifest import Manifest, Parent
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.compression import stage
from danlu.compression.config import ExportConfig
from danlu.compression.divergence import Divergence
from danlu.compression.gate import Parity, require
from danlu.compression.probe import BUILT_IN, make_probe
from danlu.errors import UserError
from danlu.evaluation.classification.predicting import class_probabilities
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.frame import Frame
from danlu.models.load import load_for, load_model, load_tokenizer, read_config
from danlu.models.tasks import auto_class
from danlu.settings import Workspace
from encoder_toys import CLASSES, save_encoder

ROWS = [
    {"id": f"{index:016x}", "messages": messages, "source": "file:x", "row": index}
    for index, messages in enumerate(
        [
            [
                {"role": "user", "content": f"How many is {index} and 12?"},
                {"role": "assistant", "content": f"{index + 12}."},
            ]
            for index in range(6)
        ]
        + [
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "法国的首都是哪里？"},
                {"role": "assistant", "content": "巴黎。"},
                {"role": "user", "content": "And  of\tSpain? 🦙"},
                {"role": "assistant", "content": "Madrid.\n\n"},
            ]
        ]
    )
]


@pytest.fixture
def store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.artifacts)


@pytest.fixture
def publish(store: ArtifactStore) -> Callable[..., Artifact]:
    def make(
        kind: str, name: str, fill: Callable[[Path], None], facts: dict[str, Any], parents: tuple[Parent, ...] = ()
    ) -> Artifact:
        manifest = Manifest(
            id=name.ljust(16, "0"),
            kind=kind,
            stage="test",
            name=name,
            stage_version=1,
            settings={},
            parents=list(parents),
            facts=facts,
            created="2026-01-01T00:00:00+00:00",
            seconds=1.0,
            peak_memory_bytes=1,
        )
        with store.publish(kind, manifest.id) as (directory, commit):
            fill(directory)
            return commit(manifest)

    return make


@pytest.fixture
def base(publish: Callable[..., Artifact], tiny_model_dir: Path) -> Artifact:
    def fill(directory: Path) -> None:
        shutil.copytree(tiny_model_dir, directory, dirs_exist_ok=True)
        (directory / "LICENSE").write_text("Do as you like.")

    return publish("model", "base", fill, {"architecture": "llama", "num_parameters": 46_000, "licence": "mit"})


@pytest.fixture
def adapter(publish: Callable[..., Artifact], base: Artifact, tiny_tokenizer: Any) -> Artifact:
    def fill(directory: Path) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
            model = get_peft_model(AutoModelForCausalLM.from_pretrained(base.path), config)
            for name, weight in model.named_parameters():
                if "lora" in name:
                    weight.data.mul_(0.3)
            model.save_pretrained(directory)
        tiny_tokenizer.save_pretrained(directory)

    parent = Parent(field="model", name="base", kind="model", id=base.id)
    return publish("model", "tuned", fill, dict(base.facts), (parent,))


@pytest.fixture
def examples(publish: Callable[..., Artifact]) -> Artifact:
    def fill(directory: Path) -> None:
        write_examples(directory, "test", ROWS)
        write_examples(directory, "train", [])

    return publish("examples", "rows", fill, {})


Export = Callable[..., tuple[dict[str, Any], Path]]


@pytest.fixture
def export(workspace: Workspace, store: ArtifactStore, reporter: Any, tmp_path: Path) -> Export:
    """``export(model, examples, part="test", **settings)``: facts and directory of the export."""

    def run(
        model: Artifact, examples: Artifact | None = None, *, part: str | None = "test", **settings: Any
    ) -> tuple[dict[str, Any], Path]:
        inputs = {"model": [Input("tuned", "model", None, model, model.facts)], "data": []}
        if examples:
            inputs["data"] = [Input("rows", "examples", part, examples, examples.facts)]
            settings = {"data": "rows.test", **settings}
        context = StageContext(
            name="files",
            workspace=workspace,
            store=store,
            reporter=reporter,
            directory=workspace.runs / "run" / "stages" / "files",
            inputs=inputs,
            sources={},
        )
        config = ExportConfig(model="tuned", **settings)
        estimate = stage.plan(config, context)
        assert estimate.notes
        assert set(estimate.facts["formats"]) == set(config.formats)
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return stage.run(config, context, out), out

    return run


def logits(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = model(torch.tensor([ids])).logits[0]
    return result


def test_every_format_is_the_trained_model(
    export: Export, adapter: Artifact, examples: Artifact, store: ArtifactStore
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from danlu.models.gguf.read import load_gguf

    facts, out = export(adapter, examples, formats=["hf", "gguf-f16", "gguf-q8_0"])
    assert json.loads((out / "parity.json").read_text()) == facts
    assert set(facts["formats"]) == {"hf", "gguf-f16", "gguf-q8_0"}
    trained = load_model(adapter, store, dtype=torch.float32)
    ids = trained.tokenizer("<|im_start|>user\nWhat is 12 and 30?<|im_end|>").input_ids
    expected = logits(trained.model, ids)

    merged = AutoModelForCausalLM.from_pretrained(out / facts["formats"]["hf"]["path"])
    assert float((logits(merged.eval(), ids) - expected).abs().max()) < 1e-4
    assert AutoTokenizer.from_pretrained(out / "hf").chat_template == trained.tokenizer.chat_template
    for name, bound in (("gguf-f16", 1e-4), ("gguf-q8_0", 1e-2)):
        each = facts["formats"][name]
        path = out / each["path"]
        assert each["path"] == f"{name}/llama-44K.gguf"
        assert each["num_bytes"] == path.stat().st_size
        assert each["token_ids_identical"] is True
        assert 0 <= each["kl_mean_nats"] <= bound
        model, _ = load_gguf(path)
        kl = (expected.softmax(-1) * (expected.log_softmax(-1) - logits(model, ids).log_softmax(-1))).sum(-1)
        assert float(kl.mean()) <= bound
    assert facts["formats"]["hf"]["max_logit_difference"] < 1e-5
    assert facts["num_parameters"] == sum(weight.numel() for weight in merged.parameters())
    assert facts["licence"] == "mit"
    assert (out / "hf" / "LICENSE").read_text() == "Do as you like."


def test_exported_directory_is_complete_and_knows_its_ends(
    export: Export, adapter: Artifact, tiny_tokenizer: Any
) -> None:
    from transformers import GenerationConfig

    _, out = export(adapter, formats=["hf"])
    assert sorted(path.name for path in (out / "hf").iterdir()) == [
        "LICENSE",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    generation = GenerationConfig.from_pretrained(out / "hf")
    assert generation.eos_token_id == [tiny_tokenizer.eos_token_id]
    assert generation.pad_token_id == tiny_tokenizer.pad_token_id
    assert str(out.parent) not in (out / "hf" / "config.json").read_text()


def test_gguf_alone_leaves_no_directory_behind(
    export: Export, adapter: Artifact, examples: Artifact, workspace: Workspace
) -> None:
    facts, out = export(adapter, examples, formats=["gguf-q8_0"], name="my-model")
    assert sorted(path.name for path in out.iterdir()) == ["gguf-q8_0", "parity.json"]
    assert facts["formats"]["gguf-q8_0"]["path"] == "gguf-q8_0/my-model.gguf"
    assert list((workspace.runs / "run" / "stages" / "files").iterdir()) == []


def test_a_whole_model_needs_no_merging(export: Export, base: Artifact, examples: Artifact) -> None:
    from safetensors.torch import load_file

    facts, out = export(base, examples, formats=["hf"])
    assert facts["formats"]["hf"]["max_logit_difference"] == 0.0
    before, after = load_file(base.path / "model.safetensors"), load_file(out / "hf" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_llama_cpp_takes_part_where_it_is_installed(export: Export, adapter: Artifact, examples: Artifact) -> None:
    pytest.importorskip("xllamacpp")
    facts, _ = export(adapter, examples, formats=["gguf-f16"])
    each = facts["formats"]["gguf-f16"]
    assert any("llama.cpp" in reader for reader in each["checked_with"])
    assert each["llama_cpp_difference_nats"] < 0.05


def test_without_llama_cpp_the_own_reader_is_named(
    export: Export, adapter: Artifact, examples: Artifact, reporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.compression.gate.is_installed", lambda: False)
    facts, _ = export(adapter, examples, formats=["gguf-f16"])
    assert facts["formats"]["gguf-f16"]["checked_with"] == ["danlu's GGUF reader"]
    assert any("llama.cpp is not installed" in warning for warning in reporter.warnings)


def test_missed_bounds_fail_the_stage(export: Export, adapter: Artifact, examples: Artifact) -> None:
    with pytest.raises(UserError, match=r"gguf-q8_0 is .* nats per token .* more than 1e-07"):
        export(adapter, examples, formats=["gguf-q8_0"], gate={"max_kl_nats": {"gguf-q8_0": 1e-7}})
    with pytest.raises(UserError, match="hf has a logit"):
        export(adapter, examples, formats=["hf"], gate={"max_logit_difference": 1e-9})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token_mismatch": "token 3 is [7] instead of [8]"}, "does not tokenise"),
        ({"kl_mean_nats": float("nan")}, "nats per token"),
        ({"max_logit_difference": float("nan")}, "logit"),
        ({"llama_cpp_difference_nats": 3.0}, "llama.cpp computes"),
    ],
)
def test_gate_lets_nothing_doubtful_pass(change: dict[str, Any], words: str) -> None:
    numbers = {
        "kl_mean_nats": 0.0,
        "kl_max_nats": 0.0,
        "top1_agreement": 1.0,
        "max_logit_difference": 0.0,
        "num_positions": 5,
    }
    rest: dict[str, Any] = {"token_mismatch": None, "llama_cpp_difference_nats": None}
    gate = ExportConfig(model="tuned").gate
    name = "gguf-f16" if "llama_cpp_difference_nats" in change else "hf"
    for values, wanted in (({}, None), (change, words)):
        divergence = Divergence(**{key: values.get(key, value) for key, value in numbers.items()})
        parity = Parity(divergence, checked_with=[], **{key: values.get(key, value) for key, value in rest.items()})
        if wanted is None:
            require(name, parity, gate)
        else:
            with pytest.raises(UserError, match=wanted):
                require(name, parity, gate)


def test_a_tokenizer_that_differs_is_caught(tiny_tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from danlu.compression.gate import _first_mismatch

    probe = make_probe(tiny_tokenizer, BUILT_IN, origin="built in", num_tokens=50, context=512)
    assert _first_mismatch(tiny_tokenizer, tiny_tokenizer, probe) is None
    backend = type(tiny_tokenizer.backend_tokenizer).from_str(tiny_tokenizer.backend_tokenizer.to_str())
    other = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", chat_template=tiny_tokenizer.chat_template
    )
    other.chat_template = tiny_tokenizer.chat_template.replace("\n", " ")
    assert "template" in str(_first_mismatch(tiny_tokenizer, other, probe))
    other.chat_template = tiny_tokenizer.chat_template
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    other = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", chat_template=tiny_tokenizer.chat_template
    )
    assert "token" in str(_first_mismatch(tiny_tokenizer, other, probe))


def test_probe_has_as_many_positions_as_asked(tiny_tokenizer: Any) -> None:
    conversations = [row["messages"] for row in ROWS]
    probe = make_probe(tiny_tokenizer, conversations, origin="rows.test", num_tokens=100, context=40)
    assert probe.num_tokens == 100
    assert max(len(row) for row in probe.rows) <= 40
    assert sum(len(row) for row in probe.exact_rows) <= 128
    everything = make_probe(tiny_tokenizer, conversations, origin="rows.test", num_tokens=10**6, context=512)
    assert everything.rows == everything.ids


def test_documents_are_compared_as_they_are_read_and_templates_on_built_in_conversations(tiny_tokenizer: Any) -> None:
    texts = [f"Document {number}." for number in range(300)]
    probe = make_probe(tiny_tokenizer, texts, origin="texts.test", num_tokens=50, context=512)
    assert probe.texts == texts[:200]
    assert probe.num_tokens == 50
    assert [conversation for conversation, _ in probe.conversations] == BUILT_IN
    assert probe.rows[0] == tiny_tokenizer(texts[0], add_special_tokens=False).input_ids


def test_wrong_parts_and_empty_ones_are_explained(export: Export, adapter: Artifact, examples: Artifact) -> None:
    with pytest.raises(UserError, match="no part 'tset'"):
        export(adapter, examples, part="tset", formats=["hf"])
    with pytest.raises(UserError, match=r"rows\.train has no rows"):
        export(adapter, examples, part="train", formats=["hf"])


def test_architectures_gguf_does_not_know_are_refused_while_planning(export: Export, base: Artifact) -> None:
    base.manifest.facts["architecture"] = "gpt2"
    with pytest.raises(UserError, match="gpt2"):
        export(base, formats=["hf", "gguf-f16"])


def test_a_base_that_is_gone_is_named(export: Export, adapter: Artifact, base: Artifact, store: ArtifactStore) -> None:
    store.remove(base)
    with pytest.raises(UserError, match=base.id):
        export(adapter, formats=["hf"])


@pytest.mark.parametrize(
    "settings",
    [
        {"formats": []},
        {"formats": ["hf", "hf"]},
        {"formats": ["gguf-q4_k"]},
        {"name": "../escape"},
        {"gate": {"tokens": 0}},
        {"gate": {"max_kl_nats": {"gguf-q8_0": 0}}},
        {"gate": {"max_kl_nats": {"gguf-q9": 1}}},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExportConfig(model="tuned", **settings)


def test_estimate_is_near_what_was_measured() -> None:
    """SmolLM2-135M with a LoRA adapter, three formats, 1,000 positions, four runs: 25, 25, 29, 32 s; 2.73 GB."""
    from danlu.compression.estimate import peak_memory_bytes, seconds

    assert seconds(134_515_008, 49_152, ["hf", "gguf-f16", "gguf-q8_0"], 1000) == pytest.approx(27.8, rel=0.1)
    assert peak_memory_bytes(134_515_008, stage.BYTES_BEFORE_MODEL) == pytest.approx(2.73e9, rel=0.05)


@pytest.mark.parametrize("task", ["masked_lm", "pretraining", "classification"])
def test_encoders_are_exported_as_transformers_reads_them(
    export: Export, publish: Callable[..., Artifact], task: Any
) -> None:
    model = publish("model", "encoder", partial(save_encoder, task), {"architecture": "bert", "num_parameters": 30_000})
    model.facts["config"] = read_config(model.path)
    facts, out = export(model, None, formats=["hf"])
    assert facts["formats"]["hf"]["kl_mean_nats"] == 0
    assert facts["formats"]["hf"]["token_ids_identical"]
    exported = auto_class(task).from_pretrained(out / "hf")
    assert type(exported).__name__ == read_config(model.path)["architectures"][0]
    trained = auto_class(task).from_pretrained(model.path).state_dict()
    assert all(torch.equal(trained[name], weight) for name, weight in exported.state_dict().items())
    with pytest.raises(UserError, match=r"gguf-f16: a 'bert' model is an encoder"):
        export(model, None, formats=["hf", "gguf-f16"])


def test_an_exported_classifier_says_through_transformers_what_it_says_here(
    export: Export, publish: Callable[..., Artifact]
) -> None:
    from transformers import pipeline

    model = publish(
        "model", "classifier", partial(save_encoder, "classification"), {"architecture": "bert", "num_parameters": 1}
    )
    _, out = export(model, None, formats=["hf"])
    tokenizer = load_tokenizer(out / "hf")
    register_document_attention()
    loaded = load_for("classification", out / "hf", dtype=torch.float32, attention=DOCUMENT_ATTENTION)
    texts = ["床前明月光", "The moon.", "a"]
    frame = Frame.of(tokenizer)
    expected = class_probabilities(loaded, [np.array(frame.ids(tokenizer, text)) for text in texts])
    classify = pipeline("text-classification", model=str(out / "hf"), tokenizer=tokenizer, top_k=None, device="cpu")
    for answer, probabilities in zip(classify(texts), expected, strict=True):
        found = {each["label"]: each["score"] for each in answer}
        assert [found[name] for name in CLASSES] == pytest.approx(probabilities.tolist(), rel=1e-4)
