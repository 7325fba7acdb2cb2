"""How busy, full, warm and hungry this machine is, as far as it lets itself be read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

ENERGY_COUNTERS = "intel-rapl:*/energy_uj"
"""Of processors' packages, in millionths of a joule; Linux lets root read them, and whoever root allows to."""


class SystemSampler:
    """Reads the machine now and then. Rates and shares are of the time since the sample before.

    Args:
        num_cores: That this process may use.
        powercap: Where Linux keeps energy counters.
    """

    def __init__(self, num_cores: int, powercap: Path = Path("/sys/class/powercap")) -> None:
        self._num_cores = num_cores
        self._counters = sorted(powercap.glob(ENERGY_COUNTERS))
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call of each has nothing to compare with
        psutil.cpu_percent()
        self._time, self._totals = time.monotonic(), self._read_totals()

    def sample(self) -> dict[str, float]:
        """By the names of metrics; what cannot be read is left out."""
        now, totals = time.monotonic(), self._read_totals()
        rates = {
            name: (total - self._totals[name]) / (now - self._time)
            for name, total in totals.items()
            if total >= self._totals.get(name, total + 1)  # counters of energy begin anew now and then
        }
        self._time, self._totals = now, totals
        return {
            "system/resident_bytes": float(self._process.memory_info().rss),
            "system/available_bytes": float(psutil.virtual_memory().available),
            "system/cpu_share": psutil.cpu_percent() / 100,
            "system/process_cpu_share": self._process.cpu_percent() / 100 / self._num_cores,
            **_temperature(),
            **rates,
            **dict(_gpu()),
        }

    def _read_totals(self) -> dict[str, float]:
        """What only grows, by the name of the metric that is its rate."""
        totals: dict[str, float] = {}
        with suppress(psutil.Error, AttributeError):  # macOS has none of these
            counts = self._process.io_counters()
            totals |= {
                "system/read_bytes_per_second": float(counts.read_bytes),
                "system/write_bytes_per_second": float(counts.write_bytes),
            }
        if self._counters:
            with suppress(OSError, ValueError):
                microjoules = sum(int(path.read_text(encoding="ascii")) for path in self._counters)
                totals["system/power_watts"] = microjoules / 1e6
        return totals


def _temperature() -> dict[str, float]:
    """Of the warmest sensor."""
    with suppress(AttributeError, OSError):  # psutil reads sensors on some systems only
        sensors = psutil.sensors_temperatures().values()
        if found := [sensor.current for group in sensors for sensor in group]:
            return {"system/temperature_celsius": float(max(found))}
    return {}


def _gpu() -> Iterator[tuple[str, float]]:
    """Of the GPU in use, if there is one. Power and temperature are then its, too."""
    import torch

    if not torch.cuda.is_available():
        return
    free, total = torch.cuda.mem_get_info()
    yield "system/gpu_memory_bytes", float(total - free)
    with suppress(ModuleNotFoundError, RuntimeError):  # without NVIDIA's bindings (extra: gpu)
        yield "system/gpu_utilization", torch.cuda.utilization() / 100
        yield "system/temperature_celsius", float(torch.cuda.temperature())
        yield "system/power_watts", torch.cuda.power_draw() / 1000
