"""Artifacts by what people call them: a stage of a run, a run, a stage, an id, or the directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from danlu.artifacts.store import MANIFEST_FILE, Artifact, ArtifactStore
from danlu.errors import UserError, did_you_mean
from danlu.pipeline.record import read_json
from danlu.pipeline.status import list_runs
from danlu.settings import Workspace


def find_artifact(workspace: Workspace, name: str, kinds: Sequence[str]) -> Artifact | None:
    """The artifact that is meant, None if nothing is called so.

    Looked for in this order: a directory with an artifact; ``run.stage``; a run that made only one of these kinds; the
    newest artifact of a stage of this name; the beginning of an id.

    Args:
        workspace: Of the user.
        name: What was typed.
        kinds: Kinds that are wanted, where a name could mean several.

    Raises:
        UserError: it could mean several.
    """
    store = ArtifactStore(workspace.artifacts)
    path = Path(name).expanduser()
    if (path / MANIFEST_FILE).is_file():
        path = path.resolve()
        return ArtifactStore(path.parent.parent).find(path.parent.name, path.name)
    run, dot, stage = name.partition(".")
    if dot and (made := _made_by(workspace, store, run)) and stage in made:
        return made[stage]
    of_run = {stage: made for stage, made in _made_by(workspace, store, name).items() if made.kind in kinds}
    if len(of_run) == 1:
        return next(iter(of_run.values()))
    if of_run:
        stages = ", ".join(f"{name}.{stage}" for stage in of_run)
        raise UserError(f"The run {name!r} made {len(of_run)} of these.", f"Name one: {stages}.")
    called = [artifact for artifact in store.all() if artifact.manifest.name == name and artifact.kind in kinds]
    if called:
        return max(called, key=lambda artifact: artifact.manifest.created)
    begin_so = [artifact for artifact in store.all() if len(name) >= 4 and artifact.id.startswith(name)]
    if len(begin_so) > 1:
        raise UserError(f"{name!r} is the beginning of {len(begin_so)} ids.", "List them with: danlu artifacts")
    return begin_so[0] if begin_so else None


def get_artifact(workspace: Workspace, name: str, kinds: Sequence[str]) -> Artifact:
    """The same.

    Raises:
        UserError: nothing is called so, or several things are.
    """
    found = find_artifact(workspace, name, kinds)
    if found is None:
        raise UserError(f"Nothing in {workspace.root} is called {name!r}.", hint_of(workspace, name, kinds))
    return found


def hint_of(workspace: Workspace, name: str, kinds: Sequence[str]) -> str:
    """What may have been meant."""
    known = [artifact.manifest.name for artifact in ArtifactStore(workspace.artifacts).all() if artifact.kind in kinds]
    return did_you_mean(name, list(dict.fromkeys(known))) if known else "List what there is with: danlu artifacts"


def num_tokens_of(workspace: Workspace, artifact: Artifact) -> dict[str, int]:
    """Tokens of the training split, by the name of the tokens artifacts that were made of an artifact."""
    found = {}
    for tokens in ArtifactStore(workspace.artifacts).all():
        if tokens.kind != "tokens" or artifact.id not in {parent.id for parent in tokens.manifest.parents}:
            continue
        count = tokens.facts.get("num_tokens")
        count = count.get("train") if isinstance(count, dict) else count
        if isinstance(count, int):
            found[f"{tokens.manifest.name} {tokens.id}"] = count
    return found


def _made_by(workspace: Workspace, store: ArtifactStore, run: str) -> dict[str, Artifact]:
    """What the stages of a run made, as far as it is there."""
    if run not in list_runs(workspace):
        return {}
    record = read_json(workspace.runs / run / "run.json") or {}
    found: dict[str, Artifact] = {}
    for stage, about in record.get("stages", {}).items():
        artifact_id = about.get("artifact")
        for artifact in store.all() if artifact_id else ():
            if artifact.id == artifact_id:
                found[stage] = artifact
    return found


def newest_but(workspace: Workspace, artifact: Artifact) -> Artifact:
    """The newest other artifact of the same stage and kind.

    Raises:
        UserError: there is no other.
    """
    manifest = artifact.manifest
    others = [
        other
        for other in ArtifactStore(workspace.artifacts).all()
        if (other.kind, other.manifest.name) == (artifact.kind, manifest.name) and other.id != artifact.id
    ]
    if not others:
        raise UserError(
            f"There is only one version of {manifest.name} ({artifact.id}).", "Name a second artifact to compare with."
        )
    return max(others, key=lambda other: other.manifest.created)
