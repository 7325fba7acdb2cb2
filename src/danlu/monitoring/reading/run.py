"""The trainings of one of our runs: curves, settings, and facts about their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError, did_you_mean
from danlu.monitoring.curves import Curves, Series
from danlu.monitoring.reading.data import data_facts
from danlu.pipeline.status import list_runs, read_status
from danlu.settings import Workspace
from danlu.telemetry.metrics import read_metrics
from danlu.training.config import TrainConfig

METRICS = "metrics.jsonl"


def read_run(workspace: Workspace, run: str, stage: str | None = None) -> list[Curves]:
    """Of every training of a run that has begun, or of one of them.

    Raises:
        UserError: there is no such run, it has no such training, or none that has begun.
    """
    status = read_status(workspace, run)
    stages = _train_stages(workspace.runs / run, status)
    if stage is not None and stage not in stages:
        raise UserError(f"The run {run!r} has no training {stage!r}.", did_you_mean(stage, list(stages)))
    if not stages:
        raise UserError(
            f"The run {run!r} trains nothing: its stages do {', '.join(_deeds(status))}.",
            "Give a run whose recipe has a train stage.",
        )
    wanted = [stage] if stage is not None else list(stages)
    found = [curves for name in wanted if (curves := _read_stage(workspace, run, status, name, stages)) is not None]
    if not found:
        raise UserError(
            f"Nothing has been recorded yet of {', '.join(wanted)} in the run {run!r}.",
            f"See how far it is with: danlu status {run}",
        )
    return found


def _deeds(status: Mapping[str, Any]) -> list[str]:
    return sorted({str(stage["do"]) for stage in status["stages"].values()})


def _train_stages(directory: Path, status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Settings of the train stages by name, as the recipe of the run has them."""
    recipe = directory / "recipe.yaml"
    content = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.exists() else {}
    stages = (content or {}).get("stages", {})
    return {name: stages.get(name, {}) for name, stage in status["stages"].items() if stage["do"] == "train"}


def _read_stage(
    workspace: Workspace, run: str, status: Mapping[str, Any], name: str, stages: Mapping[str, dict[str, Any]]
) -> Curves | None:
    record = status["stages"][name]
    path = _metrics_path(workspace, run, name, record.get("artifact"))
    series = _series(path) if path else {}
    if not series and record["state"] != "failed":
        return None
    settings = _with_defaults(stages[name])
    store = ArtifactStore(workspace.artifacts)
    model = store.find("model", record["artifact"]) if record.get("artifact") else None
    tokens = [found for one in _names(settings.get("data")) if (found := _artifact(store, status, one))]
    return Curves(
        name=run,
        series=series,
        stage=name,
        settings=settings,
        num_steps=_num_steps(model, settings, record),
        is_running=record["state"] == "running",
        error=record.get("error"),
        data=data_facts(settings, tokens, model),
    )


def _metrics_path(workspace: Workspace, run: str, stage: str, artifact: str | None) -> Path | None:
    """Of the stage; of the run that made it, where this one found it there."""
    patterns = [f"{run}/stages/{stage}/{artifact}/{METRICS}", f"*/stages/*/{artifact}/{METRICS}"]
    if artifact is None:
        patterns = [f"{run}/stages/{stage}/*/{METRICS}"]
    for pattern in patterns:
        found = sorted(workspace.runs.glob(pattern), key=lambda path: path.stat().st_mtime)
        if found:
            return found[-1]
    return None


def _series(path: Path) -> dict[str, Series]:
    points: dict[str, tuple[list[float], list[float]]] = {}
    for record in read_metrics(path):
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float):
                steps, values = points.setdefault(name, ([], []))
                steps.append(float(record["step"]))
                values.append(float(value))
    return {name: Series.of(steps, values) for name, (steps, values) in points.items()}


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """As the settings class fills them in; as they are if they are of another version."""
    try:
        return TrainConfig.model_validate(settings).model_dump(mode="json", by_alias=True)
    except ValidationError:
        return settings


def _names(data: Any) -> Iterator[str]:
    yield from ([data] if isinstance(data, str) else data or [])


def _artifact(store: ArtifactStore, status: Mapping[str, Any], name: str) -> Artifact | None:
    """What stands behind the name of a stage."""
    made = status["stages"].get(name, {}).get("artifact")
    return store.find("tokens", made) if made else None


def _num_steps(model: Artifact | None, settings: Mapping[str, Any], record: Mapping[str, Any]) -> int | None:
    steps = (settings.get("budget") or {}).get("steps")
    if steps is None and model is not None:
        steps = model.facts.get("num_steps")
    return int(steps) if steps else None


def find_trainings(workspace: Workspace, run: str, stage: str | None = None) -> list[Curves]:
    """Of a run by its name, or of a path to somebody's log.

    Raises:
        UserError: it is neither, or nothing was recorded.
    """
    from danlu.monitoring.reading.foreign import is_readable, read_curves

    runs = list_runs(workspace)
    if run in runs:
        return read_run(workspace, run, stage)
    path = Path(run).expanduser()
    if (path / "run.json").is_file():
        return read_run(Workspace(path.resolve().parent.parent), path.resolve().name, stage)
    if path.exists() and is_readable(path):
        return [read_curves(path)]
    if path.exists():
        raise UserError(
            f"{path} is no log.", "Known: .jsonl, .json, .csv, .tsv, and directories of TensorBoard's files."
        )
    known = did_you_mean(run, runs) if runs else "Start one with: danlu run RECIPE"
    raise UserError(f"There is no run {run!r} in {workspace.root}, and no such file.", known)
