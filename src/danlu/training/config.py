"""Settings of ``do: train``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, StageConfig
from danlu.training.health.settings import HealthSettings
from danlu.training.health.sink_settings import AlertSettings, SinkSettings
from danlu.training.optimizers.settings import AdamWSettings, OptimizerSettings
from danlu.training.parallel.settings import ApartSettings, ParallelSettings
from danlu.training.schedules.settings import CosineSettings, ReduceOnPlateauSettings, ScheduleSettings

DEFAULT_EVERY_SECONDS = 60.0
"""Between checkpoints, where the settings do not say."""


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
    """How long to train: exactly one of these."""

    tokens: int | None = Field(None, ge=1)
    """Real tokens read, supervised or not; the last step is the one that reaches the number."""
    epochs: float | None = Field(None, gt=0)
    """Passes over the training tokens; of a mixture, as many tokens as all its sources have."""
    steps: int | None = Field(None, ge=1)
    """Optimizer steps."""
    flops: float | None = Field(None, gt=0)
    """Floating point operations, as `danlu.models.flops` counts them; the last step is the one that reaches the
    number."""
    minutes: float | None = Field(None, gt=0)
    """From the beginning of the stage to the end of the last step. How many steps that is, is decided once, by timing
    some before training begins, so the result depends on how fast the machine is."""

    @model_validator(mode="after")
    def exactly_one(self) -> Budget:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"give exactly one of {known} (got {', '.join(given) or 'none'})")
        return self


class RampSettings(Strict):
    """A size that grows linearly over the first steps (see `danlu.training.ramps`)."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from", ge=1)
    """At the first step."""
    over: float = Field(0.3, gt=0, le=1)
    """Share of the steps after which it is grown."""


class BatchSettings(Strict):
    """What one optimizer step sees. `rows_at_once` changes memory and speed, never the result beyond rounding."""

    rows: int = Field(4, ge=1)
    """Packed rows per optimizer step."""
    rows_at_once: int = Field(1, ge=1)
    """Packed rows per forward and backward pass, of which every core does one at a time. The gradients of the passes
    add up to those of one large pass."""
    rows_ramp: RampSettings | None = None
    """Begin with fewer rows in a step, for example ``{from: 1, over: 0.2}``. The learning rate is not changed by it."""
    length_ramp: RampSettings | None = None
    """Begin with shorter rows, for example ``{from: 128, over: 0.3}``; for corpora, whose rows are cut while training.
    Steps have as many rows as ever, so they read less in the beginning."""

    @model_validator(mode="after")
    def growing(self) -> BatchSettings:
        if self.rows_ramp and self.rows_ramp.from_ >= self.rows:
            raise ValueError(f"rows_ramp.from ({self.rows_ramp.from_}) must be below rows ({self.rows})")
        return self


class CurriculumSettings(Strict):
    """From easy to hard within an epoch, which still reads everything once (see `danlu.training.rows.curriculum`)."""

    by: Literal["length", "rarity", "score"] = "length"
    """What makes a document hard. ``length``: in tokens. ``rarity``: how surprising its tokens are on average, by how
    often each occurs in all documents. ``score``: the number its row had in the column that `score` of the clean stage
    names. Examples that were packed go by the mean of their row."""
    order: Literal["ascending", "descending"] = "ascending"
    """``descending``: from hard to easy."""
    start: float = Field(0.1, ge=0, le=1)
    """Share of the documents, the easiest, that may be read at the beginning."""
    over: float = Field(1.0, gt=0, le=1)
    """All may be read when this share of the epoch is over."""
    pacing: Literal["root", "linear"] = "root"
    """How the share grows."""
    epochs: int = Field(1, ge=1)
    """How many epochs, each from easy to hard; those that follow are shuffled."""


class RegularisationSettings(Strict):
    """What keeps weights small and answers unsure, while training; validation and evaluation go without it."""

    l1: float = Field(0.0, ge=0)
    """This times the sum of the absolute values of the trained matrices is added to the loss."""
    l2: float = Field(0.0, ge=0)
    """Half of this times the sum of their squares is added to the loss. AdamW's own weight decay is something else: it
    is not divided by the mean square of the gradient."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each target that is spread evenly over the vocabulary (Szegedy et al. 2015, arXiv:1512.00567). The
    training loss holds it; the validation loss does not."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Probability with which the model drops what its architecture can drop (for a Llama: attention weights), instead
    of what its config says; the config of a model that is trained whole keeps it. Above zero, training is slower."""


class AverageSettings(Strict):
    """An exponential moving average of the trained weights (Polyak & Juditsky 1992): it is validated and saved."""

    decay: float = Field(0.999, ge=0, lt=1)
    """Share of the average kept at each step; at first less, (1 + step) / (10 + step), since the start means little."""


class EarlyStoppingSettings(Strict):
    """Stop when the validation loss no longer falls. The weights of the best validation are saved in any case."""

    patience: int = Field(3, ge=1)
    """Validations without improvement after which training stops."""
    min_delta: float = Field(0.0, ge=0)
    """An improvement is a loss lower than the best by more than this, in nats per token."""


class MaskingSettings(Strict):
    """Which tokens an encoder is to guess, anew in every epoch (Devlin et al. 2018, arXiv:1810.04805)."""

    share: float = Field(0.15, gt=0, lt=1)
    """Expected share of the tokens that are to be guessed; each word, or token, is chosen by itself."""
    mask: float = Field(0.8, ge=0, le=1)
    """Of those, the share in whose place the mask token stands."""
    random: float = Field(0.1, ge=0, le=1)
    """Of those, the share in whose place any other token stands. The rest stays as it is."""
    whole_words: bool = True
    """Hide all tokens of a word or none (Cui et al. 2019, arXiv:1906.08101). The tokens must say where words begin: see
    `words` of do: tokenize."""

    @model_validator(mode="after")
    def _shares(self) -> MaskingSettings:
        if self.mask + self.random > 1:
            raise ValueError(f"mask ({self.mask}) and random ({self.random}) are more than all that is chosen")
        return self


class CheckpointSettings(Strict):
    """What a run that was stopped or killed goes on from. Saving never changes the result, so these may be changed
    before going on. The last step has no checkpoint: the model is saved then."""

    every_seconds: float | None = Field(None, gt=0)
    """A checkpoint is taken after the first step that ends this long after the last one, but not while one is being
    written. Default: 60; none by the clock if `every_steps` is given."""
    every_steps: int | None = Field(None, ge=1)
    """A checkpoint is taken after each step that this number divides; training waits for the one before if need be."""
    keep: int = Field(2, ge=1)
    """The newest checkpoints that stay on the disk. They are deleted when the stage's artifact is in the store."""
    keep_every_steps: int | None = Field(None, ge=1)
    """A checkpoint is taken after each step that this number divides, and stays for good, in ``kept`` of the stage's
    directory under ``runs``, also when the stage is done."""

    @property
    def effective_every_seconds(self) -> float | None:
        """None: not by the clock."""
        return DEFAULT_EVERY_SECONDS if self.every_seconds is None and self.every_steps is None else self.every_seconds


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
