"""MLflow: a run in a database file, a directory or a tracking server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from danlu.telemetry.sinks.sink import library

MOST_AT_ONCE = 1000
"""Metrics that MLflow takes in one call."""


class MlflowSink:
    """One MLflow run, which a resumed stage goes on with.

    Args:
        uri: Of the tracking store: ``sqlite:///FILE``, or ``http://...`` of a server.
        experiment: Made if it is not there.
        run_name: Of the run.
        remembered: File that keeps the run's id.
    """

    def __init__(self, uri: str, experiment: str, run_name: str, remembered: Path) -> None:
        with library("sinks.mlflow", "mlflow"):
            from mlflow import MlflowClient
            from mlflow.entities import Metric

        self._metric = Metric
        self._client = MlflowClient(tracking_uri=uri)
        if remembered.exists():
            self._run = remembered.read_text(encoding="utf-8").strip()
            self._client.update_run(self._run, status="RUNNING")
        else:
            found = self._client.get_experiment_by_name(experiment)
            number = found.experiment_id if found else self._client.create_experiment(experiment)
            self._run = self._client.create_run(number, run_name=run_name).info.run_id
            remembered.write_text(self._run, encoding="utf-8")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        metrics = [self._metric(name, value, now, step) for name, value in values.items()]
        for start in range(0, len(metrics), MOST_AT_ONCE):
            self._client.log_batch(self._run, metrics=metrics[start : start + MOST_AT_ONCE])

    def close(self, *, failed: bool = False) -> None:
        self._client.set_terminated(self._run, status="FAILED" if failed else "FINISHED")
