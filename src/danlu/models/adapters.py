"""Low-rank adapters: PEFT makes, trains, stores and merges them; here they are put on and taken off a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def add_lora(model: Any, *, rank: int, alpha: float, dropout: float, targets: str | list[str], seed: int) -> Any:
    """Put a LoRA adapter (Hu et al. 2021, arXiv:2106.09685) on a model and freeze everything else.

    Args:
        model: A transformers causal language model.
        rank: Inner dimension of the update B A.
        alpha: The update is scaled by alpha / rank.
        dropout: On the input of A, a probability.
        targets: Names of the layers to adapt, or ``all-linear`` for every linear layer but the head.
        seed: For the random A; B starts at zero, so the adapted model starts equal to the base.

    Returns:
        The PEFT model. Adapter weights are float32, whatever the base's dtype.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    from danlu.models.lora_linear import FusedLoraLinear

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # annotated as int, used as a float
        lora_dropout=dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
        bias="none",
    )
    config._register_custom_module({torch.nn.Linear: FusedLoraLinear})
    with torch.random.fork_rng(devices=[]), _without_renaming_warning():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def load_adapter(model: Any, directory: Path) -> Any:
    """`model` with the PEFT adapter of `directory` on it, not merged, in eval mode. Adapter weights are float32."""
    from peft import PeftModel

    with _without_renaming_warning():
        return PeftModel.from_pretrained(model, str(directory)).eval()


@contextmanager
def _without_renaming_warning() -> Iterator[None]:
    """PEFT asks transformers for a name that transformers is about to rename; not the user's business."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*is_gradient_checkpointing.*")
        yield


def save_adapter(model: Any, directory: Path, *, base_name: str) -> None:
    """Write the adapter as PEFT does: ``adapter_config.json`` and ``adapter_model.safetensors``.

    Args:
        base_name: What the adapter's config shall call its base. PEFT would write the path of this machine.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path = base_name
        config.inference_mode = True
        # PEFT keeps a set, whose order changes from process to process.
        config.target_modules = sorted(config.target_modules)
    model.save_pretrained(str(directory), safe_serialization=True, save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
