"""New models: every size is what it is called, weights are as wide as meant, and the seed decides them."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.errors import UserError
from danlu.initializing import stage
from danlu.initializing.build import make_config, make_model
from danlu.initializing.config import InitializeConfig
from danlu.initializing.sizes import ENCODER_SIZES, SIZES
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS
from danlu.models.load import load_tokenizer
from danlu.models.tasks import task_of
from danlu.settings import Workspace
from danlu.tokens.vocabulary.build import build_tokenizer
from danlu.tokens.vocabulary.config import EncoderTokens
from danlu.tokens.vocabulary.merges import train_slowly
from vocabulary_texts import LINES

VOCABULARIES = {"2M": 8192, "8M": 8192, "30M": 8192, "125M": 32768, "350M": 32768, "1B": 32768}


def settings(**changes: Any) -> InitializeConfig:
    return InitializeConfig.model_validate({"do": "initialize", "tokenizer": "words", "size": "2M", **changes})


def make_context(workspace: Workspace, reporter: Any, tokenizer: Path, directory: Path) -> StageContext:
    artifact: Any = SimpleNamespace(path=tokenizer)
    given = Input(name="words", kind="tokenizer", part=None, artifact=artifact, facts={"vocabulary_size": 400})
    return StageContext(
        name="blank",
        workspace=workspace,
        store=ArtifactStore(workspace.artifacts),
        reporter=reporter,
        directory=directory,
        inputs={"tokenizer": [given]},
        sources={},
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("architecture", ["qwen3", "llama"])
def test_sizes_are_what_they_are_called(size: str, architecture: str, tiny_tokenizer: Any) -> None:
    config = make_config(settings(size=size, architecture=architecture), tiny_tokenizer)
    config.vocab_size = VOCABULARIES[size]
    with torch.device("meta"):
        counted = AutoModelForCausalLM.from_config(config).num_parameters()
    called = float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]]
    assert counted == pytest.approx(called, rel=0.1)
    assert SIZES[size].num_parameters(VOCABULARIES[size]) == pytest.approx(counted, rel=0.003)


@pytest.mark.parametrize("initialization", ["normal", "scaled", "xavier", "kaiming"])
def test_weights_are_as_wide_as_meant(initialization: str, tiny_tokenizer: Any) -> None:
    chosen = settings(initialization=initialization, initial_std=0.03)
    model = make_model(chosen, make_config(chosen, tiny_tokenizer))
    up, down = (getattr(model.model.layers[3].mlp, name).weight for name in ("up_proj", "down_proj"))
    fan_out, fan_in = up.shape
    expected = {
        "normal": (0.03, 0.03),
        "scaled": (0.03, 0.03 / math.sqrt(12)),
        "xavier": (math.sqrt(2 / (fan_in + fan_out)),) * 2,
        "kaiming": (math.sqrt(1 / fan_in), math.sqrt(1 / fan_out)),
    }[initialization]
    assert (up.std().item(), down.std().item()) == pytest.approx(expected, rel=0.03)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(0.03, rel=0.03)


def test_makes_a_directory_that_transformers_reads_and_the_seed_decides(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    weights = []
    for number, seed in enumerate((0, 0, 1)):
        out = tmp_path / str(number)
        out.mkdir()
        context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
        chosen = settings(seed=seed, num_layers=2, context=64)
        estimate = stage.plan(chosen, context)
        facts = stage.run(chosen, context, out)
        model = AutoModelForCausalLM.from_pretrained(out)
        assert facts["num_parameters"] == model.num_parameters() == pytest.approx(estimate.disk_bytes / 4, rel=0.01)
        assert model.config.max_position_embeddings == 64
        assert model.config.eos_token_id is not None
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert torch.isfinite(model(input_ids=torch.tensor([[1, 2, 3]])).logits).all()
        weights.append((out / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]
    assert "2 layers, hidden size 128" in reporter.messages[0]


@pytest.fixture(scope="session")
def encoder_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("words")
    merges = train_slowly(LINES, 100, PRE_TOKENIZERS["qwen2"])
    build_tokenizer(merges, PRE_TOKENIZERS["qwen2"], EncoderTokens(kind="encoder")).save_pretrained(directory)
    return directory


@pytest.mark.parametrize("size", ENCODER_SIZES)
def test_encoders_have_the_size_they_are_called(size: str, encoder_tokenizer: Path) -> None:
    config = make_config(settings(size=size, architecture="bert", context=512), load_tokenizer(encoder_tokenizer))
    config.vocab_size = VOCABULARIES[size]
    with torch.device("meta"):
        counted = AutoModelForMaskedLM.from_config(config).num_parameters()
    called = float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]]
    assert counted == pytest.approx(called, rel=0.11)
    assert ENCODER_SIZES[size].num_parameters(VOCABULARIES[size]) == pytest.approx(counted, rel=0.05)


def test_makes_an_encoder_that_guesses_hidden_tokens(
    workspace: Workspace, reporter: Any, encoder_tokenizer: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    facts = stage.run(
        settings(architecture="bert", context=64), make_context(workspace, reporter, encoder_tokenizer, tmp_path), out
    )
    model = AutoModelForMaskedLM.from_pretrained(out)
    tokenizer = load_tokenizer(out)
    assert facts["num_parameters"] == model.num_parameters()
    assert facts["architecture"] == "bert"
    assert (model.config.pad_token_id, model.config.max_position_embeddings) == (tokenizer.pad_token_id, 64)
    assert task_of(facts["config"]) == "masked_lm"
    up, down = (getattr(model.bert.encoder.layer[2], name).dense.weight for name in ("intermediate", "output"))
    assert (up.std().item(), down.std().item()) == pytest.approx((0.02, 0.02 / math.sqrt(10)), rel=0.03)


def test_an_encoder_needs_a_mask_token(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path
) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path)
    with pytest.raises(UserError, match="no mask token"):
        stage.run(settings(architecture="bert"), context, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_heads": 3, "num_kv_heads": 2},
        {"head_size": 33},
        {"size": "9M"},
        {"architecture": "bert", "num_kv_heads": 1},
        {"architecture": "bert", "num_heads": 3},
    ],
)
def test_shapes_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
