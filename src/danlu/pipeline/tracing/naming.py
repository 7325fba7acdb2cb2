"""What a person means by the name of a model or of an artifact."""

from __future__ import annotations

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError, did_you_mean
from danlu.registry.names import NAME_PATTERN
from danlu.registry.registry import Registry
from danlu.settings import Workspace


def artifact_called(name: str, kinds: tuple[str, ...], store: ArtifactStore) -> Artifact:
    """The artifact with this id or a beginning of it; else the newest that a stage of this name made.

    Raises:
        UserError: there is none of these kinds.
    """
    fitting = [each for each in store.all() if each.kind in kinds]
    by_id = [each for each in fitting if each.id.startswith(name)]
    if len(by_id) == 1:
        return by_id[0]
    by_name = sorted((each for each in fitting if each.manifest.name == name), key=lambda each: each.manifest.created)
    if by_name:
        return by_name[-1]
    what = " or ".join(kinds)
    if by_id:
        raise UserError(f"{name!r} is the beginning of {len(by_id)} ids.", "Write more of it: danlu artifacts")
    names = sorted({each.manifest.name for each in fitting})
    hint = did_you_mean(name, names) if names else "There is none in this workspace yet; see --workspace."
    raise UserError(f"There is no {what} called {name!r} in this workspace.", hint)


def trained_model(name: str, workspace: Workspace, store: ArtifactStore) -> Artifact:
    """The model that was trained last on the way to what `name` means.

    Args:
        name: Of a release (``assistant``, ``assistant@2``), or see `artifact_called`.
        workspace: Where the releases are.
        store: Of the workspace.

    Raises:
        UserError: there is no such model, or it was trained elsewhere.
    """
    artifact = found = _released(name, workspace, store) or artifact_called(name, ("model", "export", "release"), store)
    while found.manifest.stage != "train":
        parents = [each for each in found.manifest.parents if each.field == "model"]
        before = store.find(parents[0].kind, parents[0].id) if parents else None
        if before is None:
            gone = f"; {parents[0].name} ({parents[0].id}) is gone" if parents else ""
            raise UserError(
                f"{artifact.manifest.name} ({artifact.kind} {artifact.id}) was not trained in this workspace{gone}.",
                "Name a model that a train stage made: danlu artifacts --kind model",
            )
        found = before
    return found


def _released(name: str, workspace: Workspace, store: ArtifactStore) -> Artifact | None:
    import re

    registered = {version.name for version in Registry.open(workspace).list()}
    plain = name.partition("@")[0]
    if plain not in registered or not re.fullmatch(NAME_PATTERN, plain):
        return None
    return store.find("release", Registry.open(workspace).resolve(name).artifact_id)
