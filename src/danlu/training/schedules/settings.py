"""The curves a learning rate may follow, one class each, told apart by ``kind``.

`share` is the formula: from a position after the warm-up (1 to `length` steps) to a share of the highest rate. The last
step has position `length`, so what falls has reached its end with it. torch's schedulers count from 0 and reach the
end one step after the last.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from danlu.artifacts.manifest import Strict


class ScheduleBase(Strict):
    """What every curve has."""

    def num_warmup_steps(self, num_steps: int) -> int:
        """Of a run of `num_steps`."""
        return 0

    def share(self, position: int, length: int) -> float:
        """Share of the highest rate at `position`, which is 1 to `length`."""
        raise NotImplementedError


class WarmedUpBase(ScheduleBase):
    """A curve after a warm-up."""

    warmup_share: float = Field(0.1, ge=0, lt=1)
    """Share of the steps over which the rate rises linearly to its highest."""
    warmup_steps: int | None = Field(None, ge=0)
    """Their number instead of their share."""

    @model_validator(mode="after")
    def one_warmup(self) -> WarmedUpBase:
        if "warmup_share" in self.model_fields_set and self.warmup_steps is not None:
            raise ValueError("give warmup_share or warmup_steps, not both")
        return self

    def num_warmup_steps(self, num_steps: int) -> int:
        if self.warmup_steps is not None:
            return self.warmup_steps
        return math.ceil(self.warmup_share * num_steps)


class FallingBase(WarmedUpBase):
    """A curve that ends at a share of its highest rate."""

    final_share: float = Field(0.1, ge=0, le=1)
    """Rate at the end, as a share of the highest."""

    def fallen(self, fall: float) -> float:
        """The share after `fall` (0 to 1) of the way down."""
        return 1 - (1 - self.final_share) * fall


class ConstantSettings(WarmedUpBase):
    """The highest rate to the end."""

    kind: Literal["constant"]

    def share(self, position: int, length: int) -> float:
        return 1.0


class LinearSettings(FallingBase):
    """A straight line down."""

    kind: Literal["linear"]

    def share(self, position: int, length: int) -> float:
        return self.fallen(position / length)


class CosineSettings(FallingBase):
    """Half a cosine down (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts)."""

    kind: Literal["cosine"] = "cosine"

    def share(self, position: int, length: int) -> float:
        return self.fallen(_half_cosine(position / length))


class CosineRestartsSettings(FallingBase):
    """Half cosines down, each from the highest rate (Loshchilov & Hutter 2016, arXiv:1608.03983)."""

    kind: Literal["cosine_restarts"]
    cycles: int = Field(3, ge=1)
    """How many half cosines fill the run."""
    growth: float = Field(2.0, ge=1)
    """Each is this many times as long as the one before."""

    def share(self, position: int, length: int) -> float:
        lengths = [self.growth**cycle for cycle in range(self.cycles)]
        place = position / length * sum(lengths)
        for cycle_length in lengths[:-1]:
            # A step that ends a cycle belongs to it, in spite of rounding.
            if place <= cycle_length * (1 + 1e-12):
                break
            place -= cycle_length
        else:
            cycle_length = lengths[-1]
        return self.fallen(_half_cosine(min(1.0, place / cycle_length)))


class WarmupStableDecaySettings(FallingBase):
    """Level, then a decay at the end (Hu et al. 2024, arXiv:2404.06395; square root of Hägele et al. 2024,
    arXiv:2405.18392)."""

    kind: Literal["wsd"]
    decay_share: float = Field(0.2, gt=0, le=1)
    """Share of the steps after the warm-up over which the rate falls."""
    decay: Literal["linear", "sqrt", "cosine"] = "sqrt"
    """``sqrt``: 1 - sqrt(progress) of the decay."""

    def share(self, position: int, length: int) -> float:
        decay_steps = math.ceil(self.decay_share * length)
        progress = max(0, position - (length - decay_steps)) / decay_steps
        match self.decay:
            case "linear":
                return self.fallen(progress)
            case "sqrt":
                return self.fallen(math.sqrt(progress))
            case "cosine":
                return self.fallen(_half_cosine(progress))


class PolynomialSettings(FallingBase):
    """(1 - progress)^power."""

    kind: Literal["polynomial"]
    power: float = Field(2.0, gt=0)

    def share(self, position: int, length: int) -> float:
        return self.fallen(1 - (1 - position / length) ** self.power)


class ExponentialSettings(WarmedUpBase):
    """The same factor at each step."""

    kind: Literal["exponential"]
    final_share: float = Field(0.1, gt=0, le=1)
    """Rate at the end, as a share of the highest."""

    def share(self, position: int, length: int) -> float:
        return float(self.final_share ** (position / length))


class Point(Strict):
    """A rate at a moment."""

    at: float = Field(ge=0, le=1)
    """Share of the steps after the warm-up."""
    share: float = Field(ge=0, le=1)
    """Share of the highest rate."""


class PiecewiseSettings(WarmedUpBase):
    """Through given points; level before the first and after the last."""

    kind: Literal["piecewise"]
    points: list[Point] = Field(min_length=1)
    """In the order of time."""
    between: Literal["linear", "step"] = "linear"
    """Straight lines from point to point, or each point's rate until the next."""

    @model_validator(mode="after")
    def in_order(self) -> PiecewiseSettings:
        if any(one.at >= other.at for one, other in pairwise(self.points)):
            raise ValueError("the points must follow each other in time: each `at` above the one before")
        return self

    def share(self, position: int, length: int) -> float:
        progress = position / length
        if progress < self.points[0].at:
            return self.points[0].share
        for one, other in pairwise(self.points):
            if progress < other.at:
                if self.between == "step":
                    return one.share
                return one.share + (other.share - one.share) * (progress - one.at) / (other.at - one.at)
        return self.points[-1].share


class OneCycleSettings(ScheduleBase):
    """Up and then down for good (Smith & Topin 2017, arXiv:1708.07120). The rise is its warm-up."""

    kind: Literal["one_cycle"]
    rise_share: float = Field(0.3, gt=0, lt=1)
    """Share of the steps over which the rate rises."""
    initial_share: float = Field(0.04, ge=0, le=1)
    """Rate at the start, as a share of the highest."""
    final_share: float = Field(4e-6, ge=0, le=1)
    """Rate at the end, as a share of the highest."""
    curve: Literal["cosine", "linear"] = "cosine"
    """Of the rise and of the fall."""

    def share(self, position: int, length: int) -> float:
        # Counted from 0, so that the first step has the initial share.
        step, last, top = position - 1, length - 1, self.rise_share * length - 1
        if step < top:
            start, end, progress = self.initial_share, 1.0, step / top
        else:
            start, end, progress = 1.0, self.final_share, (step - top) / (last - top)
        return start + (end - start) * (_half_cosine(progress) if self.curve == "cosine" else progress)


class CyclicSettings(WarmedUpBase):
    """Triangles between a lowest and the highest rate (Smith 2015, arXiv:1506.01186)."""

    kind: Literal["cyclic"]
    warmup_share: float = Field(0.0, ge=0, lt=1)
    """Share of the steps over which the rate rises linearly to its highest, before the first triangle."""
    cycles: int = Field(4, ge=1)
    """How many triangles fill the run."""
    lowest_share: float = Field(0.1, ge=0, le=1)
    """Rate at the feet, as a share of the highest."""
    shrinkage: float = Field(1.0, gt=0, le=1)
    """Each triangle is this many times as high as the one before; 0.5 is the paper's triangular2."""

    def share(self, position: int, length: int) -> float:
        place = position * self.cycles / length
        cycle = min(int(place), self.cycles - 1)
        height = 1 - abs(2 * (place - cycle) - 1)
        return self.lowest_share + (1 - self.lowest_share) * height * self.shrinkage**cycle


class InverseSqrtSettings(WarmedUpBase):
    """1/sqrt(step) (Vaswani et al. 2017, arXiv:1706.03762). Does not depend on how long the run is."""

    kind: Literal["inverse_sqrt"]
    timescale: int = Field(100, ge=1)
    """Steps after which the rate has fallen to 1/sqrt(2); the paper takes the number of warm-up steps."""

    def share(self, position: int, length: int) -> float:
        return math.sqrt(self.timescale / (position + self.timescale))


class ReduceOnPlateauSettings(WarmedUpBase):
    """Lower the rate whenever the validation loss no longer falls; needs `validate_every_steps`."""

    kind: Literal["reduce_on_plateau"]
    factor: float = Field(0.5, gt=0, lt=1)
    """The rate is multiplied by this."""
    patience: int = Field(2, ge=0)
    """Validations without improvement that are borne before that."""
    min_improvement: float = Field(1e-4, ge=0)
    """An improvement is a loss lower than the best by more than this share of it."""
    cooldown: int = Field(0, ge=0)
    """Validations after a reduction that are not counted."""
    final_share: float = Field(0.01, ge=0, le=1)
    """The rate never falls below this share of the highest."""

    def share(self, position: int, length: int) -> float:
        """Before any reduction; see `danlu.training.schedules.plateau`."""
        return 1.0


def _half_cosine(progress: float) -> float:
    """From 0 to 1 along half a cosine."""
    return 0.5 * (1 - math.cos(math.pi * progress))


def _cosine_unless_said(settings: Any) -> Any:
    return {"kind": "cosine", **settings} if isinstance(settings, dict) else settings


ScheduleSettings = Annotated[
    Annotated[
        ConstantSettings
        | LinearSettings
        | CosineSettings
        | CosineRestartsSettings
        | WarmupStableDecaySettings
        | PolynomialSettings
        | ExponentialSettings
        | PiecewiseSettings
        | OneCycleSettings
        | CyclicSettings
        | InverseSqrtSettings
        | ReduceOnPlateauSettings,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_cosine_unless_said),
]
