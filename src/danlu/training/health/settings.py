"""Settings of what watches a training: ``health`` of ``do: train``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from danlu.artifacts.manifest import Strict

Policy = Literal["stop", "skip", "rewind"]
CHANGING = ("skip", "rewind")
"""Policies with which a training ends with other weights than without: some batches are left out."""


class OutlierSettings(Strict):
    """What counts as far above the steps before: more than `threshold` robust standard deviations above their median.

    The robust standard deviation is 1.4826 times the median distance from the median (Rousseeuw & Croux 1993), but no
    less than a twentieth of the median, since a curve may be flat for a while.
    """

    threshold: float = Field(10.0, gt=0)
    """So many. 10 and a flat curve: one and a half times the median."""
    window: int = Field(100, ge=4)
    """Steps that are looked back on, without those that were left out."""
    warmup_steps: int = Field(50, ge=4)
    """Nothing is an outlier before so many steps were seen."""


class HealthSettings(Strict):
    """What is watched, and what is done about a step whose loss or gradient is not finite, or far above those before.
    Both are noticed before the optimizer moves. Watching never changes the result."""

    every_steps: int | None = Field(50, ge=1)
    """How often a step is looked at closely, as the first one is: norms of gradients, parameters and updates, ranges of
    activations, dead units and attention, by module. null: never."""
    pictures_every_steps: int | None = Field(None, ge=1)
    """How often TensorBoard gets histograms, attention maps and a text that the model goes on with, which takes longer.
    Default: ten times `every_steps`."""
    on_non_finite: Policy = "stop"
    """``stop``: with an error that names the rows. ``skip``: the step is left out, its rows are named. ``rewind``: back
    to the newest checkpoint whose weights are finite, and on from there without that batch."""
    outlier: OutlierSettings = OutlierSettings()
    """When a loss or the norm of a gradient is far above those before."""
    on_outlier: Literal["ignore", "warn", "stop", "skip", "rewind"] = "warn"
    """What is then done; ``warn``: it is said."""

    @property
    def picture_steps(self) -> int | None:
        """Steps between pictures; None: no pictures."""
        if self.pictures_every_steps is None and self.every_steps is not None:
            return 10 * self.every_steps
        return self.pictures_every_steps

    def in_id(self) -> dict[str, Any]:
        """What of them decides which weights a training ends with; nothing where no batch is ever left out."""
        found: dict[str, Any] = {}
        if self.on_non_finite in CHANGING:
            found["on_non_finite"] = self.on_non_finite
        if self.on_outlier in CHANGING:
            found |= {"on_outlier": self.on_outlier, "outlier": self.outlier.model_dump(mode="json")}
        return found
