"""Where things lie on the user's disk. The only options read from the environment are paths and credentials.

``DANLU_CACHE``  directory for downloaded sources, shared between workspaces (default: WORKSPACE/cache).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import UserError

DEFAULT_WORKSPACE = Path("workspace")


@dataclass(frozen=True)
class Workspace:
    """One directory that holds everything Danlu makes: artifacts, runs, downloaded sources and the registry."""

    root: Path

    @classmethod
    def open(cls, root: str | Path) -> Workspace:
        """The workspace at `root` with its cache, created if needed.

        Raises:
            UserError: the workspace cannot be created or written to, or the cache cannot be created.
        """
        try:
            workspace = cls(Path(root).expanduser().resolve())
        except RuntimeError as error:  # ~ or ~NAME, and the system knows no such home
            raise UserError(f"The workspace {root}: there is no such home directory.", "Write the path out.") from error
        try:
            for directory in (workspace.artifacts, workspace.runs):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The workspace {workspace.root} cannot be created: {error.strerror}.",
                "Give a directory you may write to with --workspace DIR.",
            ) from error
        if not os.access(workspace.root, os.W_OK):
            raise UserError(
                f"The workspace {workspace.root} is not writable.",
                "Give a directory you may write to with --workspace DIR.",
            )
        try:
            workspace.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The cache {workspace.cache} cannot be created: {error.strerror}.",
                "Set DANLU_CACHE to a directory you may write to, or unset it to keep the cache in the workspace.",
            ) from error
        return workspace

    @property
    def artifacts(self) -> Path:
        """``artifacts/<kind>/<id>/``: published artifacts, each whole."""
        return self.root / "artifacts"

    @property
    def runs(self) -> Path:
        """``runs/<name>/``: recipe, plan, events and the stages' checkpoints and metrics."""
        return self.root / "runs"

    @property
    def cache(self) -> Path:
        """Downloaded sources, by hash."""
        return (
            Path(os.environ["DANLU_CACHE"]).expanduser().resolve()
            if os.environ.get("DANLU_CACHE")
            else self.root / "cache"
        )

    @property
    def database(self) -> Path:
        """SQLite file of the registry."""
        return self.root / "danlu.db"
