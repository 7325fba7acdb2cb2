"""Settings of ``do: export``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, StageConfig

FormatName = Literal["hf", "gguf-f16", "gguf-q8_0"]

MAX_KL_NATS: dict[FormatName, float] = {"hf": 1e-6, "gguf-f16": 1e-4, "gguf-q8_0": 1e-2}
"""Mean divergence that is let pass."""


class GateConfig(Strict):
    """How close every export must be to the trained model. A miss fails the stage."""

    tokens: int = Field(default=1000, ge=1)
    """Next-token distributions are compared at this many positions of held-out text, or all there are."""
    max_logit_difference: float = Field(default=1e-4, gt=0)
    """hf: largest absolute difference of any logit between the two sets of float32 weights, computed in float64 so that
    rounding in the forward pass does not count."""
    max_kl_nats: dict[FormatName, float] = MAX_KL_NATS
    """Largest mean Kullback-Leibler divergence from the trained model to the export, in nats per token. Formats that
    are not named keep their default."""

    @field_validator("max_kl_nats")
    @classmethod
    def _with_defaults(cls, bounds: dict[FormatName, float]) -> dict[FormatName, float]:
        for name, bound in bounds.items():
            if bound <= 0:
                raise ValueError(f"the bound of {name} must be above 0")
        return {**MAX_KL_NATS, **bounds}


class ExportConfig(StageConfig):
    """A model, its adapter merged -> files for other programs, each compared with the trained model."""

    KIND: ClassVar[str] = "export"

    do: Literal["export"] = "export"
    model: Annotated[str, Reference(("model",))]
    """The model to export."""
    formats: list[FormatName] = Field(default=["hf", "gguf-q8_0"], min_length=1)
    """``hf``: a Hugging Face directory in float32. ``gguf-f16``, ``gguf-q8_0``: one file for llama.cpp and its kin."""
    data: Annotated[str | None, Reference(("examples", "corpus"))] = None
    """Held-out conversations or documents to compare on, for example ``rows.test``; ``test`` is meant when no part is
    named. null: a few built-in conversations."""
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of the model in the GGUF files, and of these files. null: architecture and size, for example llama-135M."""
    gate: GateConfig = GateConfig()

    @field_validator("formats")
    @classmethod
    def _different(cls, formats: list[FormatName]) -> list[FormatName]:
        for name in formats:
            if formats.count(name) > 1:
                raise ValueError(f"{name!r} is named twice")
        return formats
