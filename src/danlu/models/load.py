"""Load a model artifact: a full Hugging Face directory, or a PEFT adapter on its base artifact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError

if TYPE_CHECKING:
    import torch

ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use and the tokenizer that belongs to it."""

    model: Any
    """A transformers causal language model, wrapped by PEFT if the artifact is an adapter; in eval mode."""
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


def load_tokenizer(directory: Path) -> Any:
    """The tokenizer of a model directory. Never asks the network and never runs code from the directory."""
    from transformers import AutoTokenizer

    # Left out, trust_remote_code makes transformers ask the terminal, where a yes would run the directory's code.
    return AutoTokenizer.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)


def load_causal_lm(directory: Path, *, dtype: torch.dtype, attention: str | None = None, config: Any = None) -> Any:
    """A causal language model from a Hugging Face directory, in eval mode, on the default device.

    Never asks the network and never runs code from the directory.

    Args:
        directory: Holds ``config.json`` and safetensors.
        dtype: Of the weights in memory.
        attention: Name in transformers' attention interface; None for its best for this model.
        config: A transformers config to use instead of the directory's.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from danlu.hardware.machine import default_device

    logging.disable_progress_bar()  # it would cut through the run's own progress

    model: Any = AutoModelForCausalLM.from_pretrained(
        str(directory),
        config=config,
        dtype=dtype,
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.to(default_device()).eval()


def load_model(
    artifact: Artifact, store: ArtifactStore, *, dtype: torch.dtype, attention: str | None = None
) -> LoadedModel:
    """Load a ``model`` artifact. An adapter is applied on top of its base, not merged: the trained model itself.

    Adapter weights stay in float32 whatever `dtype` is.
    """
    base = base_artifact(artifact, store)
    model = load_causal_lm(base.path, dtype=dtype, attention=attention)
    if is_adapter(artifact.path):
        from danlu.models.adapters import load_adapter

        model = load_adapter(model, artifact.path)
    return LoadedModel(model=model, tokenizer=load_tokenizer(artifact.path))
