"""Settings of ``do: train``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, StageConfig


class LoraSettings(Strict):
    """A low-rank adapter (Hu et al. 2021, arXiv:2106.09685): only two thin matrices per layer are trained."""

    kind: Literal["lora"] = "lora"
    rank: int = Field(16, ge=1)
    """Inner dimension of the update."""
    alpha: float | None = Field(None, gt=0)
    """The update is scaled by alpha / rank. Default: twice the rank."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Probability with which an input of the adapter is dropped while training. Above zero, training is slower."""
    targets: str | list[str] = "all-linear"
    """Names of the layers to adapt, or ``all-linear``: every linear layer but the head."""

    @property
    def effective_alpha(self) -> float:
        return self.alpha if self.alpha is not None else 2.0 * self.rank


class Budget(Strict):
    """How long to train: exactly one of the three."""

    tokens: int | None = Field(None, ge=1)
    """Real tokens read, supervised or not; the last step is the one that reaches the number."""
    epochs: float | None = Field(None, gt=0)
    """Passes over the training rows."""
    steps: int | None = Field(None, ge=1)
    """Optimizer steps."""

    @model_validator(mode="after")
    def exactly_one(self) -> Budget:
        given = [name for name in ("tokens", "epochs", "steps") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of tokens, epochs, steps (got {', '.join(given) or 'none'})")
        return self


class BatchSettings(Strict):
    """What one optimizer step sees. `rows_at_once` changes memory and speed, never the result beyond rounding."""

    rows: int = Field(4, ge=1)
    """Packed rows per optimizer step."""
    rows_at_once: int = Field(1, ge=1)
    """Packed rows per forward and backward pass, of which every core does one at a time. The gradients of the passes
    add up to those of one large pass."""


class OptimizerSettings(Strict):
    """AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101)."""

    kind: Literal["adamw"] = "adamw"
    learning_rate: float = Field(5e-4, gt=0)
    """Highest learning rate, reached after the warm-up."""
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled; applied to matrices only, never to biases and norms."""


class ScheduleSettings(Strict):
    """Learning rate over the run."""

    kind: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: float = Field(0.1, ge=0, lt=1)
    """Share of the steps over which the rate rises linearly to its highest."""
    final_share: float = Field(0.1, ge=0, le=1)
    """Rate at the end, as a share of the highest."""


class CheckpointSettings(Strict):
    """What a killed run goes on from. Saving never changes the result."""

    every_seconds: float = Field(60.0, gt=0)
    """A checkpoint is written after the first step that ends this long after the last one."""
    keep: int = Field(2, ge=1)
    """Newest checkpoints that stay on disk while the stage runs; afterwards none."""


class TrainConfig(StageConfig):
    """Train a model on packed tokens."""

    do: Literal["train"]
    objective: Literal["sft", "language_model"] = "sft"
    """``sft``: cross-entropy on the supervised tokens of conversations. ``language_model``: on every token but the
    first of each document, to train from scratch or to go on training on the documents of a corpus."""
    model: Annotated[str, Reference(("model",))]
    """The model to start from."""
    data: Annotated[str, Reference(("tokens",))]
    """Its ``train`` rows are trained on; its ``validation`` rows are only measured (see `validate_every_steps`)."""
    isolate_documents: bool = True
    """Whether the documents of a corpus that share a row are hidden from each other. Examples always are."""
    adapter: LoraSettings | None = None
    """Without an adapter every weight is trained."""
    budget: Budget
    batch: BatchSettings = BatchSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    max_gradient_norm: float = Field(1.0, gt=0)
    """The gradient is scaled down to this Euclidean norm if it is larger."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the matrix products. ``auto``: bf16 where the processor is fast at it. What is trained stays float32."""
    validate_every_steps: int | None = Field(None, ge=1)
    """How often the validation loss is measured, for the curves; without it, never."""
    checkpoint: CheckpointSettings = CheckpointSettings()
    seed: int = 0
    """Of the adapter's first weights, the order of the rows, and dropout."""
