"""What the machine says of itself, against what the system says elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from danlu.telemetry.system import SystemSampler


def test_memory_and_rates_are_those_of_the_system(tmp_path: Path) -> None:
    sampler = SystemSampler(num_cores=1, powercap=tmp_path)
    started = time.perf_counter()
    with (tmp_path / "file").open("wb") as file:
        for _ in range(8):
            file.write(bytes(2**20))
    while time.perf_counter() - started < 0.2:  # keep a core busy
        pass
    found = sampler.sample()
    seconds = time.perf_counter() - started
    assert found["system/resident_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    assert 0 < found["system/available_bytes"] <= psutil.virtual_memory().total
    assert 0.2 < found["system/process_cpu_share"] < 2
    assert 0 <= found["system/cpu_share"] <= 1
    # Some file systems do not count what is written to them.
    assert 0 <= found["system/write_bytes_per_second"] <= 9 * 2**20 / seconds * 1.5
    assert found["system/read_bytes_per_second"] >= 0
    assert "system/power_watts" not in found


def test_power_is_the_rate_of_the_energy_counters(tmp_path: Path) -> None:
    counters = [tmp_path / f"intel-rapl:{number}" / "energy_uj" for number in (0, 1)]
    for counter in counters:
        counter.parent.mkdir()
        counter.write_text("1000000\n")
    sampler = SystemSampler(num_cores=1, powercap=tmp_path)
    started = time.monotonic()
    time.sleep(0.1)
    for counter in counters:
        counter.write_text("2000000\n")
    found = sampler.sample()
    assert found["system/power_watts"] == pytest.approx(2 / (time.monotonic() - started), rel=0.2)
    counters[0].write_text("5\n")  # it has begun anew
    assert "system/power_watts" not in sampler.sample()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_counters_that_may_not_be_read_are_left_out(tmp_path: Path) -> None:
    counter = tmp_path / "intel-rapl:0" / "energy_uj"
    counter.parent.mkdir()
    counter.write_text("1000000\n")
    counter.chmod(0)
    assert "system/power_watts" not in SystemSampler(num_cores=1, powercap=tmp_path).sample()
