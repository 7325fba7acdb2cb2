"""What this machine is: processor, cores, accelerator, and which number formats it is fast at."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


def num_usable_cores() -> int:
    """Cores this process is allowed to run on; often fewer than the machine has. A quota of CPU time is not seen."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_name() -> str:
    """Marketing name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def supports_fast_bfloat16() -> bool:
    """Whether matrix products in bfloat16 are faster than in float32 here.

    True with AMX or AVX512-BF16 instructions (without them bfloat16 is emulated and slower than float32), and on CUDA
    devices of compute capability 8.0 or later.
    """
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def default_device() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
