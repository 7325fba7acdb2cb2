"""``danlu artifacts``: what lies in the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from danlu.artifacts.store import MANIFEST_FILE, ArtifactStore
from danlu.cli.output import console_for, print_json
from danlu.pipeline.format import format_bytes
from danlu.settings import Workspace


def artifacts_command(kind: str | None, workspace: Path, *, as_json: bool) -> None:
    """List the artifacts, of one kind or all."""
    place = Workspace.open(workspace)
    console = console_for(as_json)
    found = _read(ArtifactStore(place.artifacts), kind)
    if as_json:
        print_json({"artifacts": found})
        return
    if not found:
        console.print(f"No artifacts {f'of kind {kind!r} ' if kind else ''}in {escape(str(place.root))} yet.")
        return
    table = Table("kind", "id", "stage", "does", "made", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("size", justify="right")
    for each in found:
        if each["damaged"]:
            table.add_row(each["kind"], each["artifact"], "[red]damaged: artifact.json cannot be read[/]")
            continue
        made = each["created"].replace("T", " ")[:16]
        size = format_bytes(each["num_bytes"])
        table.add_row(each["kind"], each["artifact"], escape(each["name"]), each["do"], made, size)
    console.print(table)


def _read(store: ArtifactStore, kind: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for manifest in sorted(store.root.glob(f"{kind or '*'}/*/{MANIFEST_FILE}")):
        directory = manifest.parent
        if directory.name.startswith("."):
            continue
        each: dict[str, Any] = {"kind": directory.parent.name, "artifact": directory.name, "path": str(directory)}
        artifact = store.find(directory.parent.name, directory.name)
        if artifact is None:
            found.append({**each, "damaged": True})
            continue
        about = artifact.manifest
        each.update(damaged=False, name=about.name, do=about.stage, created=about.created, num_bytes=artifact.num_bytes)
        found.append(each)
    return sorted(found, key=lambda each: each.get("created", ""))
