"""A Hugging Face directory from outside: only the files a model needs are taken, and never a pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from danlu.errors import UserError
from danlu.models.files import WEIGHTS_INDEX, weight_files
from danlu.telemetry.reporter import Reporter

WANTED = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "LICENSE*",
)
"""Names, or patterns of names, of files that are taken beside the weights."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
"""Files that run code when they are read."""


def copy_directory(source: Path, out: Path, reporter: Reporter) -> None:
    """Copy the wanted files of a model directory.

    Args:
        source: Directory with ``config.json``, safetensors and a tokenizer.
        out: An existing directory.
        reporter: Told which files are left behind.

    Raises:
        UserError: the directory is not a model, or its weights are not safetensors.
    """
    _check(source)
    files = [path for path in sorted(source.iterdir()) if path.is_file()]
    weights = {path.name for path in weight_files(source)} | {WEIGHTS_INDEX}
    wanted = [path for path in files if path.name in weights or any(path.match(pattern) for pattern in WANTED)]
    left = [path.name for path in files if path not in wanted]
    for path in wanted:
        shutil.copyfile(path, out / path.name)
    if left:
        reporter.say(f"Not taken from {source.name}: {', '.join(left[:8])}{' ...' if len(left) > 8 else ''}.")


def _check(source: Path) -> None:
    config_path = source / "config.json"
    if not config_path.is_file():
        raise UserError(
            f"{source} is no model: it holds neither config.json nor a single .gguf file.",
            "Name a GGUF file, or a directory saved with save_pretrained.",
        )
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{config_path} is not JSON: {error}.", "Save the model's config again.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise UserError(f"{config_path} names no model_type.", "Save the model with transformers' save_pretrained.")
    if "quantization_config" in config:
        raise UserError(
            f"The model {source.name} is quantised ({config['quantization_config'].get('quant_method', 'unknown')}).",
            "Take the model before it was quantised, or a GGUF file of it.",
        )
    if not any(source.glob("*.safetensors")):
        pickles = [path.name for pattern in PICKLES for path in sorted(source.glob(pattern))]
        if pickles:
            raise UserError(
                f"The weights of {source.name} are pickles ({pickles[0]}), which may run code when they are read.",
                "Convert them to safetensors first: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW).",
            )
    if not any((source / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise UserError(
            f"{source} holds no tokenizer.", "Put tokenizer.json and tokenizer_config.json beside the model."
        )
