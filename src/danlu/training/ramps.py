"""Sizes that grow while training begins: fewer rows in a step, or shorter rows.

A short beginning is steadier at high learning rates: Li et al. (2022, arXiv:2108.06084, "The Stability-Efficiency
Dilemma") let the length of rows grow linearly over the first steps, in multiples that suit the hardware. Brown et al.
(2020, arXiv:2005.14165, section 2.3 and appendix B) do the same with the number of rows.
"""

from __future__ import annotations

from danlu.training.rows.stairs import Stairs
from danlu.training.settings import RampSettings


def ramp(settings: RampSettings | None, full: int, num_steps: int, *, multiple: int = 1) -> Stairs:
    """The size at each step of a run of `num_steps`: first + (full - first) * step / ramp steps, rounded down.

    Args:
        settings: Where it begins and how long it takes; None for `full` from the beginning.
        full: What it reaches, at the first step after the ramp.
        num_steps: Of the whole run.
        multiple: In between, sizes are multiples of this.
    """
    if settings is None:
        return Stairs.level(full)
    first, num_ramp_steps = settings.from_, ramp_steps(settings, num_steps)
    heights = [first, *range((first // multiple + 1) * multiple, full, multiple), full]
    # The first step at which the line has come so far.
    starts = [-(-(height - first) * num_ramp_steps // (full - first)) for height in heights]
    return Stairs.of(starts, heights)


def ramp_steps(settings: RampSettings, num_steps: int) -> int:
    """Steps before the full size is reached."""
    return round(settings.over * num_steps)
