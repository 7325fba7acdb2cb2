"""Where the exports of a release lie."""

from __future__ import annotations

from pathlib import PurePosixPath

from danlu.artifacts.store import Artifact
from danlu.errors import UserError


def export_paths(exports: Artifact) -> dict[str, str]:
    """Format -> path relative to the workspace's ``artifacts/``: ``{"hf": "export/0123456789abcdef/hf"}``.

    Raises:
        UserError: the export has no formats, or one of them is not where it says.
    """
    formats = exports.facts.get("formats", {})
    if not formats:
        raise UserError(
            f"The export {exports.id} holds no formats to release.",
            "Name some in its stage, for example: [hf, gguf-q8_0]",
        )
    found = {}
    for name, facts in formats.items():
        relative = PurePosixPath(facts["path"])
        if relative.is_absolute() or ".." in relative.parts or not (exports.path / relative).exists():
            raise UserError(
                f"The export {exports.id} has no {relative} for {name}.", "Run the recipe again to make it anew."
            )
        found[name] = str(PurePosixPath("export", exports.id) / relative)
    return found
