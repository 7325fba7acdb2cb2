"""From what the user typed to the files of a model: a registered name, a directory or a .gguf file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from danlu.errors import UserError
from danlu.models.files import CONFIG
from danlu.models.load import read_config
from danlu.models.tasks import is_encoder, task_of
from danlu.registry.registry import Registry
from danlu.settings import Workspace

GGUF_FORMATS = ("gguf-q8_0", "gguf-f16")
"""The export that is served first comes first: half the bytes a token has to move."""


@dataclass(frozen=True)
class Servable:
    """A model that can be served, in the formats it comes in."""

    model_id: str
    """What clients call it."""
    aliases: tuple[str, ...]
    """Other names it answers to."""
    hf: Path | None
    """Hugging Face directory."""
    gguf: Path | None
    """GGUF file."""


def find_servable(name: str, workspace: str | Path) -> Servable:
    """The model that `name` means; see `find_model`.

    Raises:
        UserError: there is none, or it writes no answers.
    """
    servable = find_model(name, workspace)
    if servable.hf is not None:
        _check_speaks(name, servable.hf)
    return servable


def find_model(name: str, workspace: str | Path) -> Servable:
    """The model that `name` means, whatever it is for. A path is taken as one if it exists or looks like one.

    Raises:
        UserError: nothing is registered under the name, the path does not exist, or it is no model.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _directory(path.resolve())
    if path.is_file():
        return _file(path.resolve())
    if path.suffix == ".gguf" or "/" in name or name.startswith((".", "~")):
        raise UserError(f"There is no model at {path}.", "Check the path, or give the name of a released model.")
    return _registered(name, workspace)


def _directory(path: Path) -> Servable:
    if not any((path / file).is_file() for file in ("config.json", "adapter_config.json")):
        raise UserError(
            f"{path} is no Hugging Face model directory: it has no config.json.",
            "Give a directory with config.json, safetensors and a tokenizer, a .gguf file, or a released name.",
        )
    return Servable(path.name, (), hf=path, gguf=None)


def _file(path: Path) -> Servable:
    if path.suffix != ".gguf":
        raise UserError(
            f"{path} is neither a directory nor a .gguf file.",
            "Give a Hugging Face model directory, a .gguf file, or the name of a released model.",
        )
    return Servable(path.stem, (), hf=None, gguf=path)


def _registered(name: str, workspace: str | Path) -> Servable:
    version = Registry.open(Workspace.open(workspace)).resolve(name)
    gguf = next((version.exports[key] for key in GGUF_FORMATS if key in version.exports), None)
    hf = version.exports.get("hf")
    if gguf is None and hf is None:
        raise UserError(
            f"{version.name}@{version.version} was released without an export that can be served.",
            "Add an export stage to its recipe (formats: hf, gguf-f16 or gguf-q8_0) and name it in the release stage.",
        )
    return Servable(version.name, (f"{version.name}@{version.version}", f"{version.name}@latest"), hf=hf, gguf=gguf)


def _check_speaks(name: str, directory: Path) -> None:
    """Refuse an encoder, which transformers would load as a language model all the same."""
    if (directory / CONFIG).is_file() and is_encoder(config := read_config(directory)):
        classifies = task_of(config) == "classification"
        raise UserError(
            f"{directory.name} holds an encoder ({config['model_type']}), which writes no answers.",
            f"Let it name the class of a text: danlu classify {name} TEXT"
            if classifies
            else "Use its hf export in transformers, for example: pipeline('fill-mask', model=DIRECTORY)",
        )
