"""Settings of ``do: train``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from danlu.artifacts.stage import Reference, StageConfig
from danlu.training.health.settings import HealthSettings
from danlu.training.health.sink_settings import AlertSettings, SinkSettings
from danlu.training.optimizers.settings import AdamWSettings, OptimizerSettings
from danlu.training.parallel.settings import ApartSettings, ParallelSettings
from danlu.training.schedules.settings import CosineSettings, ReduceOnPlateauSettings, ScheduleSettings
from danlu.training.settings import (
    AverageSettings,
    BatchSettings,
    Budget,
    CheckpointSettings,
    CurriculumSettings,
    EarlyStoppingSettings,
    LoraSettings,
    MaskingSettings,
    RegularisationSettings,
)


class TrainConfig(StageConfig):
    """Train a model on packed tokens."""

    KIND: ClassVar[str] = "model"
    NOT_IN_ID: ClassVar[frozenset[str]] = frozenset({"checkpoint", "parallel", "sinks", "alerts"})

    do: Literal["train"]
    objective: Literal["sft", "language_model", "masked_language_model", "classification"] = "sft"
    """``sft``: cross-entropy on the supervised tokens of conversations. ``language_model``: on every token but the
    first of each document, to train from scratch or to go on training on the documents of a corpus. For encoders:
    ``masked_language_model``: on hidden tokens, from all others of their document. ``classification``: on the label of
    each document; the model gets a new head for it."""
    model: Annotated[str, Reference(("model",))]
    """The model to start from."""
    data: Annotated[str | list[str] | dict[str, Annotated[float, Field(gt=0)]], Reference(("tokens",))] = Field(
        min_length=1
    )
    """Its ``train`` rows are trained on; its ``validation`` rows are only measured (see `validate_every_steps`).
    Several are mixed: a list by their sizes, so that each is read as often as the others; with weights, for example
    ``{poems: 0.7, prose: 0.3}``, by these, as shares of the rows in any stretch of training."""
    masking: MaskingSettings = MaskingSettings()
    """For masked_language_model: what is hidden."""
    next_sentence: bool = False
    """For masked_language_model: also tell whether the second of two segments goes on where the first ends, or is of
    another document. A row is then one such pair (BERT), and not as many documents as there is room for (RoBERTa)."""
    curriculum: CurriculumSettings | None = None
    """The order of an epoch; without it, documents are shuffled. The sources of a mixture have one each."""
    isolate_documents: bool = True
    """Whether the documents of a corpus that share a row are hidden from each other. Examples always are."""
    adapter: LoraSettings | None = None
    """Without an adapter every weight is trained."""
    budget: Budget
    batch: BatchSettings = BatchSettings()
    optimizer: OptimizerSettings = AdamWSettings()
    schedule: ScheduleSettings = CosineSettings()
    max_gradient_norm: float = Field(1.0, gt=0)
    """The gradient is scaled down to this Euclidean norm if it is larger."""
    max_gradient_value: float | None = Field(None, gt=0)
    """Before that, each entry of the gradient is brought within plus and minus this."""
    regularisation: RegularisationSettings = RegularisationSettings()
    ema: AverageSettings | None = None
    freeze: list[str] = Field(default_factory=list)
    """Parameters that stay as they are, by patterns as in `optimizer.groups`, for example ``*embed_tokens*``."""
    precision: Literal["auto", "bf16", "fp16", "fp32", "fp8"] = "auto"
    """Of the matrix products. ``auto``: bf16 where the processor is fast at it. What is trained stays float32. ``fp16``
    scales the loss, and leaves out a step whose gradient is too large for it. ``fp8``, on GPUs that have it, takes the
    products of linear layers in float8 and the rest in bf16; compile with it, or it is slower than bf16."""
    compile: Literal["auto"] | bool = "auto"
    """Whether torch's compiler makes machine code of the layers and the loss, which takes half a minute once
    and about halves the time of a step. ``auto``: where it can and the budget is worth it. It can where documents of a
    corpus train every weight without dropout, with a C++ compiler."""
    activation_checkpointing: bool = False
    """Keep the inputs of each layer only and compute the rest again in the backward pass (Chen et al. 2016,
    arXiv:1604.06174): far less memory for long rows, about a third more time, the same result."""
    validate_every_steps: int | None = Field(None, ge=1)
    """How often the validation loss is measured, for the curves, and once more at the end; without it, never."""
    early_stopping: EarlyStoppingSettings | None = None
    checkpoint: CheckpointSettings = CheckpointSettings()
    parallel: ParallelSettings = ParallelSettings()
    """On how many processes, and how they divide the work."""
    apart: ApartSettings | None = None
    """Train copies of the model that meet now and then only, instead of adding up gradients at every step."""
    health: HealthSettings = HealthSettings()
    sinks: SinkSettings = SinkSettings()
    alerts: AlertSettings | None = None
    seed: int = 0
    """Of the adapter's first weights, the order of the rows, and dropout."""

    @model_validator(mode="before")
    @classmethod
    def copies_are_processes(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("apart"), dict) and "parallel" not in given:
            return {**given, "parallel": {"data": given["apart"].get("copies", 1)}}
        return given

    @model_validator(mode="after")
    def copies_apart(self) -> TrainConfig:
        if self.apart is None:
            return self
        copies = self.apart.copies
        if not self.parallel.data == self.parallel.num_processes == copies:
            raise ValueError(f"apart.copies ({copies}) are parallel.data, and nothing else divides the model")
        given = "ema" if self.ema else "early_stopping" if self.early_stopping else None
        if given or self.optimizer.kind == "schedule_free_adamw":
            raise ValueError(f"apart does not go together with {given or 'optimizer.kind: schedule_free_adamw'}")
        if self.health.in_id():
            raise ValueError(
                "apart: each copy sees its own rows only, so health can stop it or warn, not skip or rewind"
            )
        together = {
            "validate_every_steps": self.validate_every_steps,
            "checkpoint.every_steps": self.checkpoint.every_steps,
            "checkpoint.keep_every_steps": self.checkpoint.keep_every_steps,
        }
        for name, steps in together.items():
            if steps and steps % self.apart.every_steps:
                raise ValueError(
                    f"{name} ({steps}) is not a multiple of apart.every_steps ({self.apart.every_steps}), and between"
                    " meetings copies differ"
                )
        return self

    @model_validator(mode="after")
    def each_source_once(self) -> TrainConfig:
        if isinstance(self.data, list):
            for name in self.data:
                if self.data.count(name) > 1:
                    raise ValueError(f"data names {name!r} twice; give it a weight instead: {{{name}: 2, ...}}")
        return self

    @model_validator(mode="after")
    def validated_where_needed(self) -> TrainConfig:
        users = {"early_stopping": self.early_stopping, "schedule.kind: reduce_on_plateau": self.plateau}
        for name, wanted in users.items():
            if wanted and self.validate_every_steps is None:
                raise ValueError(f"{name} looks at validation losses: set validate_every_steps")
        return self

    @model_validator(mode="after")
    def settings_of_encoders(self) -> TrainConfig:
        masks = self.objective == "masked_language_model"
        given = [name for name in ("masking", "next_sentence") if name in self.model_fields_set and not masks]
        if given:
            raise ValueError(f"{given[0]} goes with objective: masked_language_model, not {self.objective}")
        if self.adapter and (masks or self.objective == "classification"):
            raise ValueError(f"adapter: encoders are trained whole; leave it out for objective: {self.objective}")
        if not self.isolate_documents and (masks or self.objective == "classification"):
            raise ValueError(f"isolate_documents: false is not for objective: {self.objective}")
        if self.batch.length_ramp and self.has_row_per_document:
            what = "next_sentence" if self.next_sentence else f"objective: {self.objective}"
            raise ValueError(f"batch.length_ramp cuts rows of other lengths, and {what} has a row for each document")
        if self.curriculum and self.next_sentence:
            raise ValueError("curriculum: pairs of next_sentence are drawn from all documents; leave one of them out")
        return self

    @model_validator(mode="after")
    def float8_of_trained_weights(self) -> TrainConfig:
        if self.adapter and self.precision == "fp8":
            raise ValueError("precision: fp8 is for training every weight; leave adapter out, or set precision: bf16")
        return self

    @model_validator(mode="after")
    def one_average(self) -> TrainConfig:
        if self.optimizer.kind == "schedule_free_adamw":
            if self.schedule.kind != "constant":
                raise ValueError("schedule_free_adamw stands in for a falling rate: set schedule.kind: constant")
            if self.ema:
                raise ValueError("schedule_free_adamw averages the weights itself: leave ema out")
        return self

    def settings_in_id(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Of `health` only which batches are left out, if any are."""
        found = {name: value for name, value in super().settings_in_id(settings).items() if name != "health"}
        policies = self.health.in_id()
        return {**found, "health": policies} if policies else found

    @property
    def has_row_per_document(self) -> bool:
        """Whether each row is made of one document, or begins with one, as long as that is."""
        return self.objective == "classification" or self.next_sentence

    @property
    def weights(self) -> list[float] | None:
        """Of a mixture, in the order of its sources. None: by their sizes."""
        return list(self.data.values()) if isinstance(self.data, dict) else None

    @property
    def plateau(self) -> ReduceOnPlateauSettings | None:
        """The schedule, if it looks at validation losses."""
        return self.schedule if isinstance(self.schedule, ReduceOnPlateauSettings) else None
