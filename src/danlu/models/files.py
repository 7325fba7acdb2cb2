"""The files of a Hugging Face model directory, written so that old and new readers understand them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.artifacts.readable_json import write_json
from danlu.errors import UserError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
TOKENIZER_CONFIG = "tokenizer_config.json"


def save_config(config: Any, directory: Path) -> None:
    """Write ``config.json``.

    The rotary embedding is written twice: as ``rope_parameters`` and, for readers from before transformers 5, as
    ``rope_theta`` and ``rope_scaling``. Without those they would silently take the default base.
    """
    content = config.to_diff_dict()
    # Where the config was loaded from on this machine is nobody's business.
    for name in ("_name_or_path", "_model_name_or_path"):
        content.pop(name, None)
    rope = getattr(config, "rope_parameters", None)
    if isinstance(rope, dict) and "rope_theta" in rope:
        content["rope_parameters"] = rope
        scaling = {name: value for name, value in rope.items() if name != "rope_theta"}
        content["rope_theta"] = rope["rope_theta"]
        content["rope_scaling"] = None if scaling.get("rope_type", "default") == "default" else scaling
    if "dtype" in content:
        content["torch_dtype"] = content["dtype"]
    write_json(directory / CONFIG, content)


def save_tokenizer(tokenizer: Any, directory: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``, the chat template inside the latter.

    The class is named ``PreTrainedTokenizerFast``, which every version of transformers reads straight from
    ``tokenizer.json``; classes named after a model may rebuild the tokenizer by rules of their own.
    """
    tokenizer.save_pretrained(str(directory), save_jinja_files=False)
    path = directory / TOKENIZER_CONFIG
    content = json.loads(path.read_text(encoding="utf-8"))
    content["tokenizer_class"] = "PreTrainedTokenizerFast"
    for name in ("is_local", "local_files_only", "name_or_path"):
        content.pop(name, None)
    if getattr(tokenizer, "add_bos_token", False):
        content["add_bos_token"] = True  # stands in tokenizer.json already; converters of other programs look here
    write_json(path, content)


def write_safetensors(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    tensors: Iterable[tuple[str, npt.NDArray[np.float32]]],
    *,
    advance: Callable[[int], None],
) -> None:
    """Write a float32 safetensors file one tensor at a time.

    The safetensors library wants all tensors in memory at once; the format is a length, a JSON header and the bytes
    (https://github.com/huggingface/safetensors#format).

    Args:
        path: File to write.
        shapes: Of every tensor, in the order of the file.
        tensors: The same names in the same order, with their values.
        advance: Called with the number of bytes after each tensor.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for (name, values), expected in zip(tensors, shapes, strict=True):
            assert name == expected, f"{name} came where {expected} was announced"
            file.write(np.ascontiguousarray(values, dtype="<f4").data)
            advance(values.nbytes)


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a model directory: those its index names, or the single one.

    Raises:
        UserError: there are none, or one that the index names is missing.
    """
    index = directory / WEIGHTS_INDEX
    if not index.is_file():
        single = directory / WEIGHTS
        if not single.is_file():
            raise UserError(
                f"{directory} holds no weights ({WEIGHTS}).", "Save the model with transformers' save_pretrained."
            )
        return [single]
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index} is no index of weights.", "Fetch the model again.") from error
    for name in names:
        if Path(name).name != name or not (directory / name).is_file():
            raise UserError(f"{directory} lacks {name}, which {WEIGHTS_INDEX} names.", "Fetch the model again, whole.")
    return [directory / name for name in names]


def tensor_files(directory: Path) -> dict[str, Path]:
    """Which safetensors file of a model directory holds each tensor.

    Raises:
        UserError: there are no safetensors, or a file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    result: dict[str, Path] = {}
    for path in weight_files(directory):
        try:
            with safe_open(path, framework="np") as file:
                result.update(dict.fromkeys(file.keys(), path))
        except SafetensorError as error:
            raise UserError(f"{path.name} is damaged or cut short ({error}).", "Fetch the model again.") from error
    return result


def set_chat_template(directory: Path, template: str) -> None:
    """Replace the chat template of a model directory."""
    path = directory / TOKENIZER_CONFIG
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    content["chat_template"] = template
    write_json(path, content)
    # Where both exist this file would win.
    (directory / "chat_template.jinja").unlink(missing_ok=True)
