"""The finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The fractional part of the golden ratio, an odd number."""
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

Mixed = TypeVar("Mixed", np.uint64, npt.NDArray[np.uint64])


def mix(value: Mixed) -> Mixed:
    """Spread what differs over all bits; different values stay different. Of a number in compiled code, or an array."""
    value = (value ^ (value >> np.uint64(30))) * MIX_1
    value = (value ^ (value >> np.uint64(27))) * MIX_2
    return value ^ (value >> np.uint64(31))
