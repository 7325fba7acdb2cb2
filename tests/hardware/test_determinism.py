from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
from danlu.hardware.determinism import compute_deterministically
compute_deterministically()
import os, torch
print(os.environ["CUBLAS_WORKSPACE_CONFIG"], torch.are_deterministic_algorithms_enabled())
print(torch.utils.deterministic.fill_uninitialized_memory)
"""


@pytest.mark.parametrize(("chosen", "expected"), [(None, ":4096:8"), (":16:8", ":16:8")])
def test_torch_is_told_and_the_choice_of_the_user_stays(chosen: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CUBLAS_WORKSPACE_CONFIG"}
    if chosen is not None:
        environment["CUBLAS_WORKSPACE_CONFIG"] = chosen
    said = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [expected, "True", "False"]
