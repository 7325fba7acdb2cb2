"""Settings of where numbers go, and who is told: ``sinks`` and ``alerts`` of ``do: train``. They never change the
result."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, SecretStr, model_validator

from danlu.artifacts.manifest import Strict

VARIABLE = re.compile(r"\$\{(\w+)\}")
"""In an address."""
HIDDEN = "**********"


def _shown(address: SecretStr) -> str:
    """The name of a variable is no secret; anything else may be."""
    text = address.get_secret_value()
    return text if VARIABLE.fullmatch(text) else HIDDEN


Address = Annotated[SecretStr, PlainSerializer(_shown, return_type=str)]


class MlflowSettings(Strict):
    """A run in MLflow; extra ``mlflow``."""

    uri: str | None = None
    """Of the tracking store: ``sqlite:///FILE``, or ``http://...`` of a server. Default: ``mlflow.db`` in the
    workspace."""
    experiment: str = "danlu"


class WandbSettings(Strict):
    """A run in Weights & Biases; extra ``wandb``."""

    project: str = "danlu"
    mode: Literal["offline", "online"] = "offline"
    """``offline``: on the disk, under the stage's directory, until ``wandb sync`` sends it."""


class PrometheusSettings(Strict):
    """The newest numbers, for Prometheus to fetch; extra ``prometheus``."""

    textfile: str | None = None
    """A file for node_exporter's textfile collector, for example ``/var/lib/node_exporter/danlu.prom``."""
    port: int | None = Field(None, ge=1, le=65535)
    """Of this machine alone, not of the network."""

    @model_validator(mode="after")
    def somewhere(self) -> PrometheusSettings:
        if self.textfile is None and self.port is None:
            raise ValueError("give a textfile, a port, or both")
        return self


class SinkSettings(Strict):
    """Where numbers go besides the terminal, ``metrics.jsonl`` and TensorBoard."""

    mlflow: MlflowSettings | None = None
    wandb: WandbSettings | None = None
    prometheus: PrometheusSettings | None = None


class ThresholdSettings(Strict):
    """A metric, by its name in ``metrics.jsonl``, and what it should not go beyond."""

    metric: str
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> ThresholdSettings:
        if self.above is None and self.below is None:
            raise ValueError("give above, below, or both")
        return self


class AlertSettings(Strict):
    """Who is told when something is wrong; extra ``alerts``. An end with an error is told in any case."""

    to: list[Address] = Field(min_length=1)
    """Addresses as Apprise has them, for example ``json://127.0.0.1:8000`` or ``mailto://...``. ``${NAME}`` stands for
    a variable of the environment, so that secrets need not stand in a recipe. On several processes each must be one."""
    rules: list[ThresholdSettings] = Field(default_factory=list)
    """For example ``{metric: train/loss, above: 8}``, or ``{metric: train/skipped, above: 0}``."""
    divergence: float | None = Field(1.0, gt=0)
    """Told when the mean training loss is so many nats above the lowest it was; null: never."""
    silence_seconds: float | None = Field(600.0, gt=0)
    """Told when no step was made for so long; null: never."""
    pause_seconds: float = Field(300.0, ge=0)
    """Between two messages of the same kind."""
