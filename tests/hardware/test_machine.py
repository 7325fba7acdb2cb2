"""What is said about this machine, against what its operating system says."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys

import pytest
import torch

from danlu.hardware.machine import (
    default_device,
    num_usable_cores,
    processor_name,
    supports_fast_bfloat16,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says")


def lscpu(field: str) -> str | None:
    if shutil.which("lscpu") is None:
        return None
    environment = {**os.environ, "LC_ALL": "C"}
    lines = subprocess.run(["lscpu"], capture_output=True, text=True, env=environment, check=True).stdout.splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{field}:")), None)


@linux
def test_cores_are_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert num_usable_cores() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert num_usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_processor_is_named_as_the_system_names_it() -> None:
    assert processor_name()
    if platform.machine() == "x86_64" and (named := lscpu("Model name")):
        assert processor_name() == named


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks the processor")
def test_bfloat16_is_fast_where_the_processor_multiplies_in_it() -> None:
    flags = lscpu("Flags")
    if platform.machine() != "x86_64" or flags is None:
        pytest.skip("needs lscpu on x86-64")
    assert supports_fast_bfloat16() == bool({"amx_tile", "avx512_bf16"} & set(flags.split()))


def test_tensors_can_be_put_on_the_default_device() -> None:
    assert torch.zeros(1, device=default_device()).device.type == default_device()
