"""From settings to sinks and alerts that are open while a training stage runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from danlu.artifacts.stage import StageContext
from danlu.errors import UserError
from danlu.hardware.threads import let_others_go_first
from danlu.telemetry.alerts import Alerts, AppriseSender, Divergence, Threshold
from danlu.telemetry.sinks.background import Background
from danlu.telemetry.sinks.mlflow import MlflowSink
from danlu.telemetry.sinks.prometheus import PrometheusSink
from danlu.telemetry.sinks.sink import Sink
from danlu.telemetry.sinks.wandb import WandbSink
from danlu.training.health.sink_settings import HIDDEN, VARIABLE, AlertSettings, SinkSettings


@contextmanager
def open_sinks(sinks: SinkSettings, alerts: AlertSettings | None, context: StageContext) -> Iterator[list[Sink]]:
    """All that the settings ask for.

    Raises:
        UserError: something is not installed, or cannot be opened.
    """
    with ExitStack() as stack:
        opened: list[Sink] = []
        for name, sink in _made(sinks, context):
            opened.append(Background(name, sink, context.reporter, let_others_go_first))
            stack.push(partial(_close, opened[-1]))
        if alerts is not None:
            opened.append(stack.enter_context(_alerts(alerts, context)))
        yield opened


def _close(sink: Sink, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
    sink.close(failed=error is not None)


def _made(settings: SinkSettings, context: StageContext) -> Iterator[tuple[str, Sink]]:
    """By what the settings call them."""
    run, directory = run_name(context), context.directory
    directory.mkdir(parents=True, exist_ok=True)
    if settings.mlflow:
        uri = settings.mlflow.uri or f"sqlite:///{context.workspace.root / 'mlflow.db'}"
        yield "mlflow", MlflowSink(uri, settings.mlflow.experiment, run, directory / "mlflow_run")
    if settings.wandb:
        yield "wandb", WandbSink(settings.wandb.project, run, settings.wandb.mode, directory / "wandb")
    if settings.prometheus:
        textfile = Path(settings.prometheus.textfile).expanduser() if settings.prometheus.textfile else None
        labels = {"run": run, "stage": context.name}
        yield "prometheus", PrometheusSink(labels, textfile, settings.prometheus.port)


def _alerts(settings: AlertSettings, context: StageContext) -> Alerts:
    return Alerts(
        f"Danlu: {run_name(context)}",
        [Threshold(rule.metric, rule.above, rule.below) for rule in settings.rules],
        Divergence(settings.divergence) if settings.divergence else None,
        settings.silence_seconds,
        settings.pause_seconds,
        AppriseSender([with_variables(address.get_secret_value()) for address in settings.to]),
        context.reporter,
    )


def run_name(context: StageContext) -> str:
    """``RUN/STAGE``, from the stage's directory: ``runs/RUN/stages/STAGE/ID``."""
    parts = context.directory.parts
    return f"{parts[-4]}/{context.name}" if len(parts) > 3 and parts[-3] == "stages" else context.name


def with_variables(address: str) -> str:
    """With the values of variables of the environment.

    Raises:
        UserError: one is not set, or the address was hidden from this process.
    """
    if address == HIDDEN:
        raise UserError(
            "alerts.to holds an address itself, which is not handed on to other processes.",
            "Put it into a variable of the environment and write ${NAME} instead.",
        )

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise UserError(f"alerts.to names the variable {name}, which is not set.", f"Set it: export {name}=...")
        return os.environ[name]

    return VARIABLE.sub(value, address)
