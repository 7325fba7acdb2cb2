"""Parts of the settings of the training stage (see `danlu.training.config`)."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from danlu.artifacts.manifest import Strict

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
