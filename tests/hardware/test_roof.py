"""The roof of a CPU is what large products do; that of a GPU stands in a table."""

from __future__ import annotations

import time

import pytest
import torch

from danlu.hardware import roof


def test_a_cpu_is_timed_once() -> None:
    found = roof.matrix_roof(torch.float32)
    assert found is not None
    left = torch.full((512, 512), 0.5)
    started = time.perf_counter()
    for _ in range(20):
        torch.mm(left, left)
    own = 20 * 2 * 512**3 / (time.perf_counter() - started)
    assert own / 20 < found < own * 20  # the machine may be busy
    started = time.perf_counter()
    assert roof.matrix_roof(torch.float32) == found
    assert time.perf_counter() - started < roof.SECONDS / 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA H20", 148e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", 181e12),
        ("NVIDIA L4", 121e12),
        ("Unheard of", None),
    ],
)
def test_gpus_are_looked_up(monkeypatch: pytest.MonkeyPatch, name: str, expected: float | None) -> None:
    monkeypatch.setattr(roof, "default_device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
    assert roof.matrix_roof.__wrapped__(torch.bfloat16) == expected
    assert roof.matrix_roof.__wrapped__(torch.float32) is None
