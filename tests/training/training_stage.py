"""The training stage as the pipeline calls it, for tests that run it on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from danlu.artifacts.manifest import Manifest, artifact_id
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.settings import Workspace
from danlu.training import stage
from danlu.training.checkpoint import Checkpoints
from danlu.training.config import TrainConfig
from packed_rows import make_store, write_store

TRAIN = make_store([[30, 11, 20], [61], [5, 5, 40, 9], [17, 44], [64], [3, 33, 25]])
VALIDATION = make_store([[20, 11]], seed=1)


def settings(**changes: Any) -> TrainConfig:
    plain = {
        "do": "train",
        "model": "base",
        "data": "packed",
        "adapter": {"kind": "lora", "rank": 4},
        "budget": {"steps": 6},
        "batch": {"rows": 2, "rows_at_once": 1},
        "optimizer": {"learning_rate": 0.02},
        "precision": "fp32",
        "seed": 3,
    }
    return TrainConfig.model_validate({**plain, **changes})


def make_context(workspace: Workspace, reporter: Any, model_dir: Path, directory: Path) -> StageContext:
    data_dir = directory / "data"
    data_dir.mkdir(parents=True, exist_ok=True)
    write_store(TRAIN, data_dir, "train")
    write_store(VALIDATION, data_dir, "validation")
    data_facts = {"end_of_turn_trained": True, "length": 64, "fingerprint": TRAIN.fingerprint}
    model_facts = {"config": json.loads((model_dir / "config.json").read_text()), "num_parameters": 40_000}

    def as_input(name: str, kind: str, path: Path, facts: dict[str, Any]) -> Input:
        manifest = Manifest(
            id=artifact_id(kind=kind, stage="import", stage_version=1, settings={}, parents=[], sources=[]),
            kind=kind, stage="import", name=name, stage_version=1, settings={}, facts=facts,
            created="2026-01-01T00:00:00", seconds=0.0, peak_memory_bytes=0,
        )  # fmt: skip
        return Input(name=name, kind=kind, part=None, artifact=Artifact(path, manifest), facts=facts)

    return StageContext(
        name="tuned",
        workspace=workspace,
        store=ArtifactStore(workspace.artifacts),
        reporter=reporter,
        directory=directory / "stage",
        inputs={
            "model": [as_input("base", "model", model_dir, model_facts)],
            "data": [as_input("packed", "tokens", data_dir, data_facts)],
        },
        sources={},
    )


def run(context: StageContext, out: Path, config: TrainConfig) -> dict[str, Any]:
    out.mkdir()
    return stage.run(config, context, out)


def run_cut(context: StageContext, out: Path, config: TrainConfig, cut_after: int) -> dict[str, Any]:
    """`run`, killed when it has saved the checkpoint of step `cut_after` and then called again."""
    save = Checkpoints.save

    def save_and_die(self: Checkpoints, step: int, *rest: Any) -> None:
        save(self, step, *rest)
        self.finish()
        if step == cut_after:
            raise KeyboardInterrupt

    Checkpoints.save = save_and_die  # type: ignore[method-assign]
    try:
        run(context, out.with_name(f"{out.name} cut"), config)
        raise AssertionError(f"it was not cut after step {cut_after}")
    except KeyboardInterrupt:
        pass
    finally:
        Checkpoints.save = save  # type: ignore[method-assign]
    return run(context, out, config)
