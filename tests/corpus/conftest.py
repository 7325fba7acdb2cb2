"""What tests of stages on raw files share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.stage import Input, Source, StageContext
from danlu.artifacts.store import ArtifactStore
from danlu.settings import Workspace


@pytest.fixture
def context_in(workspace: Workspace, reporter: Any) -> Callable[..., StageContext]:
    """What a stage may touch: a directory of its own, sources under ``from``, and perhaps inputs."""

    def make(
        directory: Path, sources: Sequence[Source], inputs: Mapping[str, Sequence[Input]] | None = None
    ) -> StageContext:
        return StageContext(
            name="texts",
            workspace=workspace,
            store=ArtifactStore(workspace.artifacts),
            reporter=reporter,
            directory=directory,
            inputs=dict(inputs or {}),
            sources={"from": list(sources)},
        )

    return make
