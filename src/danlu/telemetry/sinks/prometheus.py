"""Prometheus: a file for node_exporter's textfile collector, a port on this machine, or both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from danlu.errors import UserError
from danlu.telemetry.sinks.sink import library

ADDRESS = "127.0.0.1"


class PrometheusSink:
    """The newest value of each metric, as a gauge ``danlu_<group>_<metric>``, or ``danlu_<metric>{module="..."}``.

    Args:
        labels: On all of them, for example run and stage.
        textfile: Is replaced after each record; its name must end in ``.prom`` for node_exporter.
        port: Where it can be asked for, from this machine alone.
    """

    def __init__(self, labels: Mapping[str, str], textfile: Path | None, port: int | None) -> None:
        with library("sinks.prometheus", "prometheus"):
            from prometheus_client import CollectorRegistry, start_http_server

        self._labels = dict(labels)
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Any] = {}
        self._textfile = textfile
        self._server: Any = None
        if textfile is not None:
            textfile.parent.mkdir(parents=True, exist_ok=True)
        if port is not None:
            try:
                self._server, _ = start_http_server(port, addr=ADDRESS, registry=self._registry)
            except OSError as error:
                raise UserError(
                    f"sinks.prometheus.port {port} cannot be opened: {error.strerror}.", "Choose another port."
                ) from error

    def write(self, step: int, values: Mapping[str, float]) -> None:
        from prometheus_client import write_to_textfile

        for name, value in {"train/step": float(step), **values}.items():
            self._gauge(name).set(value)
        if self._textfile is not None:
            write_to_textfile(str(self._textfile), self._registry)

    def close(self, *, failed: bool = False) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _gauge(self, name: str) -> Any:
        from prometheus_client import Gauge

        metric, labels = named(name)
        labels = {**self._labels, **labels}
        if metric not in self._gauges:
            self._gauges[metric] = Gauge(metric, f"{name.split('/')[0]} of a training", labels, registry=self._registry)
        return self._gauges[metric].labels(**labels)


def named(name: str) -> tuple[str, dict[str, str]]:
    """The name and labels of a metric: ``gradient_norm/layers.3.mlp`` has a module, ``train/loss`` has none."""
    first, _, rest = name.partition("/")
    if first in ("train", "validation", "system") or not rest:
        return "danlu_" + re.sub(r"\W", "_", name), {}
    return "danlu_" + re.sub(r"\W", "_", first), {"module": rest}
