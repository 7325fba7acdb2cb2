"""Importing a model: from recipe settings to a checked directory and its facts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.store import ArtifactStore, hash_file
from danlu.errors import UserError
from danlu.importing import stage
from danlu.importing.config import ImportConfig
from danlu.models.gguf.write import write_gguf
from danlu.settings import Workspace

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def run(workspace: Workspace, reporter: Any, out: Path) -> Run:
    """``run(path, **settings)``: plan and run the stage on a source at `path`; what it returns are the facts."""

    def run_stage(path: Path, **settings: Any) -> dict[str, Any]:
        sha256 = hash_file(path) if path.is_file() else "0" * 64
        files = [path] if path.is_file() else [each for each in path.iterdir() if each.is_file()]
        num_bytes = sum(each.stat().st_size for each in files)
        context = StageContext(
            name="base",
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=reporter,
            directory=workspace.runs / "run" / "stages" / "base",
            inputs={},
            sources={"from": [Source(path, SourceRecord(uri="file:model", sha256=sha256, num_bytes=num_bytes))]},
        )
        config = ImportConfig(**{"from": ["file:model", "hf:someone/tiny@main"], **settings})
        estimate = stage.plan(config, context)
        assert estimate.seconds > 0
        assert estimate.disk_bytes > 0
        return stage.run(config, context, out)

    return run_stage


@pytest.fixture
def directory(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model's directory that a test may damage."""
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "source"))


def test_huggingface_directory_is_copied_and_described(run: Run, directory: Path, out: Path, reporter: Any) -> None:
    (directory / "training_args.bin").write_bytes(b"pickle")
    (directory / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    facts = run(directory)
    config = facts.pop("config")
    assert config["model_type"] == "llama"
    assert facts.pop("num_bytes") == sum(path.stat().st_size for path in out.iterdir())
    assert facts == {
        "architecture": "llama",
        "num_parameters": 400 * 32 * 2 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 64 + 2 * 32) + 32,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "num_kv_heads": 2,
        "head_size": 8,
        "intermediate_size": 64,
        "vocabulary_size": 400,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "dtype": "float32",
        "source_format": "huggingface",
        "has_chat_template": True,
        "licence": "mit",
        "hub_id": "someone/tiny",
    }
    assert not (out / "training_args.bin").exists()
    assert any("training_args.bin" in message for message in reporter.messages)
    assert reporter.warnings == []


def test_gguf_becomes_a_directory_that_plain_transformers_loads(
    run: Run, directory: Path, out: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    write_gguf(directory, tmp_path / "tiny.gguf", file_type="f32", name="tiny", licence="apache-2.0")
    facts = run(tmp_path / "tiny.gguf")
    assert facts["source_format"] == "gguf"
    assert facts["licence"] == "apache-2.0"
    assert facts["has_chat_template"]
    expected = AutoModelForCausalLM.from_pretrained(directory)
    actual = AutoModelForCausalLM.from_pretrained(out)
    for name, weight in expected.state_dict().items():
        assert torch.equal(actual.state_dict()[name], weight), name
    text = "<|im_start|>user\nHow many? 123 丹炉<|im_end|>"
    assert (
        AutoTokenizer.from_pretrained(out)(text).input_ids == AutoTokenizer.from_pretrained(directory)(text).input_ids
    )


def test_a_directory_with_one_gguf_file_means_that_file(run: Run, tiny_model_dir: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    write_gguf(tiny_model_dir, package / "a.gguf", file_type="q8_0", name="tiny")
    assert run(package)["source_format"] == "gguf"
    shutil.copyfile(package / "a.gguf", package / "b.gguf")
    with pytest.raises(UserError, match=r"a\.gguf, b\.gguf"):
        run(package)


def test_shards_are_taken_by_their_index_alone(run: Run, directory: Path, out: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(directory)
    (directory / "model.safetensors").unlink()
    model.save_pretrained(directory, max_shard_size="40KB")
    shutil.copyfile(next(directory.glob("model-00001*")), directory / "consolidated.safetensors")
    run(directory)
    assert not (out / "consolidated.safetensors").exists()
    assert len(list(out.glob("model-*.safetensors"))) > 1
    next(directory.glob("model-00001*")).unlink()
    with pytest.raises(UserError, match="model-00001"):
        run(directory)


def test_half_precision_stays_as_it_is(run: Run, directory: Path) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(directory).bfloat16().save_pretrained(directory)
    assert run(directory)["dtype"] == "bfloat16"


def test_chat_template_can_be_given_and_is_missed(run: Run, directory: Path, out: Path, reporter: Any) -> None:
    from transformers import AutoTokenizer

    (directory / "chat_template.jinja").unlink(missing_ok=True)
    path = directory / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content.pop("chat_template", None)
    path.write_text(json.dumps(content))
    assert not run(directory)["has_chat_template"]
    assert any("chat template" in warning for warning in reporter.warnings)
    shutil.rmtree(out)
    out.mkdir()
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    assert run(directory, chat_template=template)["has_chat_template"]
    assert AutoTokenizer.from_pretrained(out).chat_template == template


def test_given_template_replaces_the_models_own(run: Run, directory: Path, out: Path) -> None:
    from transformers import AutoTokenizer

    (directory / "chat_template.jinja").write_text("old")
    run(directory, chat_template="new")
    assert AutoTokenizer.from_pretrained(out).chat_template == "new"


def test_hash_is_checked(run: Run, tiny_model_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_gguf(tiny_model_dir, path, file_type="f16", name="tiny")
    run(path, sha256=hash_file(path))
    with pytest.raises(UserError, match="sha256"):
        run(path, sha256="1" * 64)


def damage_pickle(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def damage_short(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def damage_missing_weight(directory: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(directory / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, directory / "model.safetensors", {"format": "pt"})


def damage_superfluous_weight(directory: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(directory / "model.safetensors")
    weights["model.layers.7.mlp.up_proj.weight"] = torch.zeros(2)
    save_file(weights, directory / "model.safetensors", {"format": "pt"})


def damage_shape(directory: Path) -> None:
    edit_config(directory, intermediate_size=48)


def damage_nan(directory: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(directory / "model.safetensors")
    weights["model.norm.weight"][3] = float("inf")
    save_file(weights, directory / "model.safetensors", {"format": "pt"})


def damage_config_json(directory: Path) -> None:
    (directory / "config.json").write_text("{")


def damage_model_type(directory: Path) -> None:
    edit_config(directory, model_type="no-such-model", architectures=["NoSuchModel"])


def damage_no_model_type(directory: Path) -> None:
    (directory / "config.json").write_text("{}")


def damage_quantised(directory: Path) -> None:
    edit_config(directory, quantization_config={"quant_method": "gptq", "bits": 4})


def damage_no_tokenizer(directory: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).unlink()


def damage_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Nonsense"}}')


def damage_vocabulary(directory: Path) -> None:
    path = directory / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"]["one too many"] = 400
    path.write_text(json.dumps(content), encoding="utf-8")


def damage_no_config(directory: Path) -> None:
    (directory / "config.json").unlink()


def damage_index(directory: Path) -> None:
    (directory / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../secret.safetensors"}}')


def edit_config(directory: Path, **values: Any) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_pickle, "pytorch_model.bin"),
        (damage_short, ""),
        (damage_missing_weight, "layers.1.mlp.up_proj"),
        (damage_superfluous_weight, "layers.7.mlp.up_proj"),
        (damage_shape, ""),
        (damage_nan, "model.norm.weight"),
        (damage_config_json, "config.json"),
        (damage_model_type, "no-such-model"),
        (damage_no_model_type, "model_type"),
        (damage_quantised, "gptq"),
        (damage_no_tokenizer, "tokenizer"),
        (damage_tokenizer, "tokenizer"),
        (damage_vocabulary, "400"),
        (damage_no_config, "config.json"),
        (damage_index, "secret"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_broken_directories_are_refused_in_two_lines(
    damage: Callable[[Path], None], words: str, run: Run, directory: Path
) -> None:
    damage(directory)
    with pytest.raises(UserError) as caught:
        run(directory)
    assert words in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.hint


def test_files_that_are_no_model_are_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(UserError, match=r"notes\.txt"):
        run(path)


@pytest.mark.parametrize("settings", [{"from": "x", "sha256": "abc"}, {"from": "x", "form": 1}, {}])
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImportConfig(**settings)


def test_settings_are_light() -> None:
    import subprocess
    import sys

    code = (
        "import sys, danlu.importing.config, danlu.compression.config\n"
        "print([name for name in ('torch', 'transformers', 'gguf') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout.strip() == "[]"
