"""The memory of this process, by the kernel's own figure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

MEGABYTE = 10**6

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_bytes() -> int:
    """Resident set size, which the kernel gives in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
