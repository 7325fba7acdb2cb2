"""Settings of the optimizers, one class each, told apart by ``kind``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from danlu.artifacts.manifest import Strict


class GroupSettings(Strict):
    """Parameters that are trained differently. Where several patterns match a parameter, the first counts."""

    pattern: str = Field(min_length=1)
    """Matches whole parameter names as a shell matches file names, for example ``*.layers.[0-3].*`` or ``*embed*``."""
    learning_rate_factor: float = Field(1.0, ge=0)
    """The learning rate is multiplied by this."""
    weight_decay: float | None = Field(None, ge=0)
    """Instead of the optimizer's; 0 leaves these parameters undecayed."""


class OptimizerBase(Strict):
    """What every optimizer has."""

    learning_rate: float = Field(5e-4, gt=0)
    """Highest learning rate, reached after the warm-up."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled; applied to matrices only, never to biases and norms."""
    decay_embeddings: bool = True
    """Whether the weight decay holds for embeddings, too."""
    groups: list[GroupSettings] = Field(default_factory=list)
    """Parameters with a learning rate or weight decay of their own."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """The learning rate falls by this factor from each block to the one below it: highest in the head, lowest in the
    embeddings (Howard & Ruder 2018, arXiv:1801.06146, section 3.2)."""


class SGDSettings(OptimizerBase):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013, PMLR 28:1139). Little memory, many steps."""

    kind: Literal["sgd"]
    learning_rate: float = Field(0.1, gt=0)
    """Highest learning rate, reached after the warm-up."""
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    """Look ahead along the momentum before the gradient is added; needs momentum."""
    weight_decay: float = Field(0.0, ge=0)
    """Times the weight, added to the gradient (not decoupled); matrices only."""

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> SGDSettings:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


class RMSpropSettings(OptimizerBase):
    """RMSprop (Tieleman & Hinton 2012, Coursera lecture 6.5)."""

    kind: Literal["rmsprop"]
    smoothing: float = Field(0.99, ge=0, lt=1)
    """Share of the old mean square kept at each step."""
    momentum: float = Field(0.0, ge=0, lt=1)
    centered: bool = False
    """Divide by the standard deviation of the gradient instead of its root mean square."""
    epsilon: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    """Times the weight, added to the gradient (not decoupled); matrices only."""


class AdamBase(OptimizerBase):
    """Means of the gradient and of its square."""

    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-8, gt=0)


class AdamSettings(AdamBase):
    """Adam (Kingma & Ba 2014, arXiv:1412.6980)."""

    kind: Literal["adam"]
    weight_decay: float = Field(0.0, ge=0)
    """Times the weight, added to the gradient (not decoupled); matrices only."""


class AdamWSettings(AdamBase):
    """AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101)."""

    kind: Literal["adamw"] = "adamw"


class AdamW8bitSettings(AdamBase):
    """AdamW with both means kept in 8 bits, block by block (Dettmers et al. 2021, arXiv:2110.02861). CUDA only."""

    kind: Literal["adamw_8bit"]


class AdafactorSettings(OptimizerBase):
    """Adafactor (Shazeer & Stern 2018, arXiv:1804.04235): a state far smaller than the weights.

    Of the second moment of a matrix only the means of rows and columns are kept, of the first moment nothing.
    """

    kind: Literal["adafactor"]
    learning_rate: float = Field(0.01, gt=0)
    """Relative to the size of each weight tensor, and never above 1/sqrt(step)."""
    beta2_decay: float = Field(-0.8, lt=0)
    """The second moment is smoothed with 1 - step^beta2_decay."""
    smallest_scale: float = Field(1e-3, gt=0)
    """A tensor's root mean square counts as at least this, so that tensors of zeros are trained, too."""
    clipping_threshold: float = Field(1.0, ge=1)
    """Updates whose root mean square is above this are scaled down to it."""


class LambSettings(AdamBase):
    """LAMB (You et al. 2019, arXiv:1904.00962, version 3): Adam's step scaled to each tensor's norm, for large batches.

    Without bias correction; a norm of the weights above 10 counts as 10.
    """

    kind: Literal["lamb"]
    epsilon: float = Field(1e-6, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    """Part of the step whose norm is taken; applied to matrices only, never to biases and norms."""


class LionSettings(OptimizerBase):
    """Lion (Chen et al. 2023, arXiv:2302.06675): the sign of a momentum; half the state of AdamW.

    Its steps are larger than AdamW's: a third to a tenth of the learning rate, three to ten times the weight decay.
    """

    kind: Literal["lion"]
    learning_rate: float = Field(1e-4, gt=0)
    """Highest learning rate, reached after the warm-up."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Share of the momentum in the step."""
    beta2: float = Field(0.99, ge=0, lt=1)
    """Share of the old momentum kept at each step."""


class MuonSettings(AdamBase):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon; scaling of Liu et al. 2025, arXiv:2502.16982).

    The matrices of the blocks move along their orthogonalised momentum; embeddings, head and vectors move by AdamW
    with `beta1`, `beta2` and `epsilon`.
    """

    kind: Literal["muon"]
    learning_rate: float = Field(5e-4, gt=0)
    """Of the matrices of the blocks. About AdamW's with ``match_rms_adamw``; about 0.02 with ``original``."""
    adamw_learning_rate: float = Field(5e-4, gt=0)
    """Of embeddings, head and vectors."""
    momentum: float = Field(0.95, ge=0, lt=1)
    nesterov: bool = True
    newton_schulz_steps: int = Field(5, ge=1, lt=100)
    """Iterations of the orthogonalisation."""
    scaling: Literal["match_rms_adamw", "original"] = "match_rms_adamw"
    """How the step of a matrix of A rows and B columns is scaled: by 0.2 sqrt(max(A, B)), or by sqrt(max(1, A/B))."""


class ScheduleFreeAdamWSettings(AdamBase):
    """Schedule-free AdamW (Defazio et al. 2024, arXiv:2405.15682): an average of the weights instead of a falling rate.

    The averaged weights are what is validated and saved.
    """

    kind: Literal["schedule_free_adamw"]
    learning_rate: float = Field(2.5e-3, gt=0)
    """Reached after the warm-up; one to ten times what AdamW takes."""
    beta1: float = Field(0.9, gt=0, lt=1)
    """How far gradients are taken towards the average."""
    averaging_power: float = Field(0.0, ge=0)
    """Step k counts k^averaging_power in the average."""


def _adamw_unless_said(settings: Any) -> Any:
    return {"kind": "adamw", **settings} if isinstance(settings, dict) else settings


OptimizerSettings = Annotated[
    Annotated[
        SGDSettings
        | RMSpropSettings
        | AdamSettings
        | AdamWSettings
        | AdamW8bitSettings
        | AdafactorSettings
        | LambSettings
        | LionSettings
        | MuonSettings
        | ScheduleFreeAdamWSettings,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_adamw_unless_said),
]
