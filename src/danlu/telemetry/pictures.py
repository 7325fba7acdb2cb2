"""What TensorBoard shows besides curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Pictures:
    """Of one step, by name."""

    histograms: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    """Any numbers; of each name its distribution is shown."""
    images: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    """(height, width), from 0, black, to 1, white."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Markdown."""
