"""What a rank has to know of a training stage, as a file that the process which starts it writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.artifacts.manifest import Manifest
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.stop import Stop
from danlu.artifacts.store import Artifact, ArtifactStore, write_synced
from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter
from danlu.training.config import TrainConfig

FOLDER = "ranks"
"""Of the stage's directory: what ranks and the process that started them tell each other."""

FINAL = "final"
"""In it: the weights when training is over, in the form of a checkpoint."""


@dataclass(frozen=True)
class Job:
    """A training stage and its inputs, all of which have been made."""

    name: str
    workspace: Path
    directory: Path
    """Of the stage."""
    config: TrainConfig
    inputs: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, config: TrainConfig, context: StageContext) -> Job:
        """With what `context` gives back."""
        return cls(
            name=context.name,
            workspace=context.workspace.root,
            directory=context.directory,
            config=config,
            inputs={setting: [_described(each) for each in inputs] for setting, inputs in context.inputs.items()},
        )

    @property
    def folder(self) -> Path:
        return self.directory / FOLDER

    def write(self) -> Path:
        """Where ranks are to read it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "job.json"
        content = {
            "name": self.name,
            "workspace": str(self.workspace),
            "directory": str(self.directory),
            "config": self.config.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "inputs": self.inputs,
        }
        write_synced(path, json.dumps(content))
        return path

    @classmethod
    def read(cls, path: Path) -> Job:
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            name=content["name"],
            workspace=Path(content["workspace"]),
            directory=Path(content["directory"]),
            config=TrainConfig.model_validate(content["config"]),
            inputs=content["inputs"],
        )

    def context(self, reporter: Reporter, stop: Stop) -> StageContext:
        """What the stage is called with."""
        workspace = Workspace(self.workspace)
        inputs = {setting: [_input(each) for each in inputs] for setting, inputs in self.inputs.items()}
        return StageContext(
            name=self.name,
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=reporter,
            directory=self.directory,
            inputs=inputs,
            sources={},
            stop=stop,
        )


def _described(each: Input) -> dict[str, Any]:
    assert each.artifact is not None
    return {
        "name": each.name,
        "kind": each.kind,
        "part": each.part,
        "path": str(each.path),
        "manifest": each.artifact.manifest.model_dump(mode="json"),
        "facts": dict(each.facts),
    }


def _input(described: dict[str, Any]) -> Input:
    artifact = Artifact(Path(described["path"]), Manifest.model_validate(described["manifest"]))
    return Input(described["name"], described["kind"], described["part"], artifact, described["facts"])
