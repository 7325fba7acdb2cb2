"""What an imported model is, for plans, reports and cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from danlu.importing.verify import Checked
from danlu.models.describe import describe_model
from danlu.models.gguf.file import GgufFile


def describe(directory: Path, checked: Checked, *, uris: str | list[str], model: Path, is_gguf: bool) -> dict[str, Any]:
    """The facts of a model artifact.

    Args:
        directory: The imported Hugging Face directory.
        checked: From `verify`.
        uris: As the recipe names the source.
        model: The source: a GGUF file or a directory.
        is_gguf: Which of the two.
    """
    facts = {
        **describe_model(
            checked.config,
            num_parameters=checked.num_parameters,
            has_chat_template=bool(checked.tokenizer.chat_template),
        ),
        "num_bytes": sum(path.stat().st_size for path in directory.iterdir()),
        "source_format": "gguf" if is_gguf else "huggingface",
        "config": json.loads((directory / "config.json").read_text(encoding="utf-8")),
    }
    licence = GgufFile(model).get("general.license") if is_gguf else _card_licence(model / "README.md")
    if licence:
        facts["licence"] = licence
    hub_id = _hub_id(uris)
    if hub_id:
        facts["hub_id"] = hub_id
    return facts


def _hub_id(uris: str | list[str]) -> str | None:
    """The model's name on the Hugging Face hub, if an alternative is there: ``hf:OWNER/NAME@REVISION#PATH``."""
    for uri in [uris] if isinstance(uris, str) else uris:
        if uri.startswith("hf:"):
            return uri.removeprefix("hf:").lstrip("/").split("#")[0].split("@")[0]
    return None


def _card_licence(card: Path) -> str | None:
    """``license`` in the front matter of a model card, if there is one."""
    import yaml

    if not card.is_file():
        return None
    _, *front = card.read_text(encoding="utf-8", errors="replace").split("---", 2)
    if len(front) < 2:
        return None
    try:
        matter = yaml.safe_load(front[0])
    except yaml.YAMLError:
        return None
    licence = matter.get("license") if isinstance(matter, dict) else None
    return licence if isinstance(licence, str) else None
