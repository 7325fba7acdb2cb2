"""What an artifact was made with: library versions and the machine."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from danlu.hardware.machine import processor_name

PACKAGES = ("danlu", "torch", "transformers", "peft", "tokenizers", "numpy", "pyarrow", "gguf")


@cache
def environment() -> dict[str, str]:
    """Versions of Python and of the libraries that shape results, the platform and the processor."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        **versions,
        "platform": platform.platform(),
        "processor": processor_name(),
    }
