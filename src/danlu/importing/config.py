"""Settings of ``do: import``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from danlu.artifacts.stage import SourceList, StageConfig


class ImportConfig(StageConfig):
    """A pre-trained model from outside -> model."""

    model_config = ConfigDict(populate_by_name=True)

    KIND: ClassVar[str] = "model"

    do: Literal["import"] = "import"
    from_: Annotated[str | list[str], SourceList(combine="first")] = Field(alias="from")
    """URI of the model, or several for the same model, of which the first that can be reached is taken. A GGUF file,
    which is dequantised to float32, or a Hugging Face directory with config.json, safetensors and tokenizer.json."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """What the source must hash to, in hex: the file, or the directory as sources are recorded. null: not checked."""
    chat_template: str | None = None
    """Jinja text of a chat template that replaces the model's own. null: the model's own, if it has one."""
