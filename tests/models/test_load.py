"""Whole models and adapters from the store, against transformers and the low-rank update written out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

from danlu.artifacts.manifest import Manifest, Parent
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.models.adapters import add_lora, save_adapter
from danlu.models.load import base_artifact, is_adapter, load_causal_lm, load_model, load_tokenizer

BASE_ID, ADAPTER_ID = "b" * 16, "a" * 16
RANK, ALPHA = 4, 6.0
IDS = torch.tensor([[3, 50, 7, 399, 120, 1, 44, 9]])
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

FOREIGN_CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

(Path(__file__).parent / "it_ran").touch()
class Tokenizer(PreTrainedTokenizerFast): ...
class Config(LlamaConfig): model_type = "foreign"
class Model(LlamaForCausalLM): ...
"""

LOAD = """
import sys
from pathlib import Path
import torch
from danlu.models.load import load_causal_lm, load_tokenizer

for load in (load_tokenizer, lambda directory: load_causal_lm(directory, dtype=torch.float32)):
    try:
        load(Path(sys.argv[1]))
    except ValueError as error:
        print(error)
"""


def publish(store: ArtifactStore, source: Path, artifact_id: str, parents: list[Parent]) -> Artifact:
    with store.publish("model", artifact_id) as (out, commit):
        shutil.copytree(source, out, dirs_exist_ok=True)
        return commit(
            Manifest(
                id=artifact_id,
                kind="model",
                stage="toy",
                name="toy",
                stage_version=1,
                settings={},
                parents=parents,
                created="2026-01-02T03:04:05+00:00",
                seconds=0.0,
                peak_memory_bytes=0,
            )
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> ArtifactStore:
    """A base and an adapter whose update is far from zero."""
    place = tmp_path_factory.mktemp("store")
    store = ArtifactStore(place / "artifacts")
    publish(store, tiny_model_dir, BASE_ID, [])
    model = LlamaForCausalLM.from_pretrained(tiny_model_dir)
    model = add_lora(model, rank=RANK, alpha=ALPHA, dropout=0.0, targets="all-linear", seed=0)
    generator = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
    (place / "adapter").mkdir()
    save_adapter(model, place / "adapter", base_name="base")
    for name in TOKENIZER_FILES:
        if (tiny_model_dir / name).exists():
            shutil.copyfile(tiny_model_dir / name, place / "adapter" / name)
    # A parent under another setting must not be taken for the base.
    parents = [
        Parent(field="data", name="packed", kind="tokens", id="c" * 16),
        Parent(field="model", name="base", kind="model", id=BASE_ID),
    ]
    publish(store, place / "adapter", ADAPTER_ID, parents)
    return store


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=IDS.to(model.device)).logits.float().cpu()
    return result


def merged_by_hand(base: Path, adapter: Path) -> LlamaForCausalLM:
    """W + alpha / rank * B A for each adapted W, in float64, from the files alone."""
    model = LlamaForCausalLM.from_pretrained(base)
    weights = dict(model.named_parameters())
    update = load_file(adapter / "adapter_model.safetensors")
    for name, a_RI in update.items():
        if name.endswith(".lora_A.weight"):
            b_OR = update[name.replace("lora_A", "lora_B")]
            weight = weights[name.removeprefix("base_model.model.").replace(".lora_A", "")]
            weight.data = (weight.double() + ALPHA / RANK * (b_OR.double() @ a_RI.double())).float()
    return model.eval()


def test_whole_model_is_what_transformers_loads(store: ArtifactStore, tiny_model_dir: Path) -> None:
    loaded = load_model(store.get(BASE_ID), store, dtype=torch.float32)
    assert isinstance(loaded.model, LlamaForCausalLM)
    assert not loaded.model.training
    expected = logits(LlamaForCausalLM.from_pretrained(tiny_model_dir).eval())
    torch.testing.assert_close(logits(loaded.model), expected, rtol=1e-4, atol=1e-4)


def test_adapter_on_its_base_equals_the_merged_model(store: ArtifactStore) -> None:
    base, adapter = store.get(BASE_ID), store.get(ADAPTER_ID)
    loaded = load_model(adapter, store, dtype=torch.float32)
    assert not any(module.training for module in loaded.model.modules())
    expected = logits(merged_by_hand(base.path, adapter.path))
    torch.testing.assert_close(logits(loaded.model), expected, rtol=1e-4, atol=1e-4)
    assert (expected - logits(load_model(base, store, dtype=torch.float32).model)).abs().max() > 0.1


def test_adapter_is_not_merged_and_stays_float32(store: ArtifactStore) -> None:
    model = load_model(store.get(ADAPTER_ID), store, dtype=torch.bfloat16).model
    saved = load_file(store.get(ADAPTER_ID).path / "adapter_model.safetensors")
    adapter = {name: weight for name, weight in model.named_parameters() if "lora_" in name}
    assert len(adapter) == len(saved) == 2 * 2 * 7
    for name, weight in adapter.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight.cpu(), saved[name.replace(".default", "")])
    rest = {weight.dtype for name, weight in model.named_parameters() if "lora_" not in name}
    assert rest == {torch.bfloat16}


def test_attention_is_chosen_by_name(store: ArtifactStore) -> None:
    outputs = []
    for attention in ("eager", "sdpa"):
        model = load_causal_lm(store.get(BASE_ID).path, dtype=torch.float32, attention=attention)
        assert model.config._attn_implementation == attention
        outputs.append(logits(model))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-4, atol=1e-4)


def test_base_is_found_through_the_manifest(store: ArtifactStore) -> None:
    base, adapter = store.get(BASE_ID), store.get(ADAPTER_ID)
    assert (is_adapter(base.path), is_adapter(adapter.path)) == (False, True)
    assert base_artifact(adapter, store) == base
    assert base_artifact(base, store) == base


def test_missing_base_is_explained(store: ArtifactStore, tmp_path: Path) -> None:
    alone = ArtifactStore(tmp_path)
    shutil.copytree(store.get(ADAPTER_ID).path, alone.path("model", ADAPTER_ID))
    adapter = alone.get(ADAPTER_ID)
    for load in (lambda: base_artifact(adapter, alone), lambda: load_model(adapter, alone, dtype=torch.float32)):
        with pytest.raises(UserError) as caught:
            load()
        assert ADAPTER_ID in caught.value.what
        assert BASE_ID in caught.value.what
        assert "Run its recipe again" in caught.value.hint


@pytest.mark.parametrize("artifact_id", [BASE_ID, ADAPTER_ID])
def test_tokenizer_comes_with_the_artifact(store: ArtifactStore, tiny_tokenizer: Any, artifact_id: str) -> None:
    tokenizer = load_tokenizer(store.get(artifact_id).path)
    text = "The capital of France 法国的首都 is 75.\n"
    assert tokenizer(text)["input_ids"] == tiny_tokenizer(text)["input_ids"]
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.chat_template == tiny_tokenizer.chat_template
    assert (tokenizer.eos_token, tokenizer.pad_token) == (tiny_tokenizer.eos_token, tiny_tokenizer.pad_token)


def test_weights_are_never_unpickled(tmp_path: Path, tiny_model_dir: Path, tiny_model: LlamaForCausalLM) -> None:
    shutil.copyfile(tiny_model_dir / "config.json", tmp_path / "config.json")
    torch.save(tiny_model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        load_causal_lm(tmp_path, dtype=torch.float32)


def test_code_in_the_directory_is_never_run_even_if_someone_says_yes(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "foreign.py").write_text(FOREIGN_CODE)
    own = {"AutoConfig": "foreign.Config", "AutoModelForCausalLM": "foreign.Model"}
    (model / "config.json").write_text(json.dumps({"model_type": "foreign", "auto_map": own}))
    own = {"AutoTokenizer": ["foreign.Tokenizer", "foreign.Tokenizer"]}
    (model / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Tokenizer", "auto_map": own}))
    finished = subprocess.run(
        [sys.executable, "-c", LOAD, str(model)],
        input="y\n" * 4,
        capture_output=True,
        text=True,
        check=True,
        # Where transformers would put the code before it imports it.
        env={**os.environ, "HF_HOME": str(tmp_path / "huggingface")},
    )
    assert not list(tmp_path.rglob("it_ran"))
    assert "[y/N]" not in finished.stdout + finished.stderr, "nobody is asked"
    assert finished.stdout.count("trust_remote_code") == 2, "both are refused"
