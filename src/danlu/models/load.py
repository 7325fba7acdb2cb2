"""Load a model artifact: a full Hugging Face directory, or a PEFT adapter on its base artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.models.files import CONFIG
from danlu.models.tasks import Task, auto_class, task_of

if TYPE_CHECKING:
    import torch

ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use and the tokenizer that belongs to it."""

    model: Any
    """A transformers model with the head it was saved with, in eval mode; wrapped by PEFT if it is an adapter."""
    tokenizer: Any


def is_adapter(directory: Path) -> bool:
    """Whether the directory holds a PEFT adapter rather than whole weights."""
    return (directory / ADAPTER_CONFIG).is_file()


def base_artifact(artifact: Artifact, store: ArtifactStore) -> Artifact:
    """The artifact with the whole weights below an adapter; the artifact itself if it is whole.

    Raises:
        UserError: the base artifact has been deleted from the workspace.
    """
    if not is_adapter(artifact.path):
        return artifact
    parent = next(parent for parent in artifact.manifest.parents if parent.field == "model")
    base = store.find("model", parent.id)
    if base is None:
        raise UserError(
            f"The adapter {artifact.id} was trained on the model {parent.id}, which is no longer in the workspace.",
            "Run its recipe again: finished stages are reused and only the missing one is made.",
        )
    return base


def read_config(directory: Path) -> dict[str, Any]:
    """The content of a model directory's ``config.json``."""
    content: dict[str, Any] = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    return content


def load_tokenizer(directory: Path) -> Any:
    """The tokenizer of a model directory. Never asks the network and never runs code from the directory."""
    from transformers import AutoTokenizer

    # Left out, trust_remote_code makes transformers ask the terminal, where a yes would run the directory's code.
    return AutoTokenizer.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)


def load_causal_lm(directory: Path, *, dtype: torch.dtype, attention: str | None = None, config: Any = None) -> Any:
    """A causal language model, see `load_for`."""
    return load_for("causal_lm", directory, dtype=dtype, attention=attention, config=config)


def load_for(
    task: Task,
    directory: Path,
    *,
    dtype: torch.dtype,
    attention: str | None = None,
    config: Any = None,
    device: str | None = None,
) -> Any:
    """A model from a Hugging Face directory with the head of a task, in eval mode.

    Never asks the network and never runs code from the directory. What the head has and the directory lacks is drawn
    from torch's random state.

    Args:
        task: What it is for.
        directory: Holds ``config.json`` and safetensors.
        dtype: Of the weights in memory.
        attention: Name in transformers' attention interface; None for its best for this model.
        config: A transformers config to use instead of the directory's.
        device: Where it is put; the default one if not given.
    """
    from transformers.utils import logging

    from danlu.hardware.machine import default_device

    logging.disable_progress_bar()  # it would cut through the run's own progress
    verbosity = logging.get_verbosity()
    if task != task_of(read_config(directory)):
        logging.set_verbosity_error()  # a table of weights that only one of the two heads has
    try:
        model: Any = auto_class(task).from_pretrained(
            str(directory),
            config=config,
            dtype=dtype,
            attn_implementation=attention,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    finally:
        logging.set_verbosity(verbosity)
    return model.to(device or default_device()).eval()


def load_model(
    artifact: Artifact, store: ArtifactStore, *, dtype: torch.dtype, attention: str | None = None
) -> LoadedModel:
    """Load a ``model`` artifact. An adapter is applied on top of its base, not merged: the trained model itself.

    Adapter weights stay in float32 whatever `dtype` is.
    """
    base = base_artifact(artifact, store)
    model = load_for(task_of(read_config(base.path)), base.path, dtype=dtype, attention=attention)
    if is_adapter(artifact.path):
        from danlu.models.adapters import load_adapter

        model = load_adapter(model, artifact.path)
    return LoadedModel(model=model, tokenizer=load_tokenizer(artifact.path))
