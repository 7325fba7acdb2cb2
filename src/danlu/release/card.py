"""``MODEL_CARD.md``: what the model was made from, what was measured, and what was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from danlu.artifacts.manifest import Manifest
from danlu.artifacts.store import Artifact

SETTING_CHARACTERS = 120
"""A setting whose text is longer is left to the artifact."""


def render_card(
    *,
    name: str,
    lineage: list[Artifact],
    exports: Artifact,
    report: Artifact | None,
    gate: dict[str, Any],
) -> str:
    """The card in Markdown.

    Args:
        name: Of the release.
        lineage: The model's ancestors, sources first, the model itself last.
        exports: What is served.
        report: Its evaluation, if there was one.
        gate: ``{"expression", "values", "passed"}``, or empty.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("danlu.release", "."), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("MODEL_CARD.md.jinja").render(
        name=name,
        model=lineage[-1],
        bases=[each for each in lineage[:-1] if each.kind == "model"],
        data=[each for each in lineage if each.kind in ("examples", "corpus")],
        tokens=[each for each in lineage if each.kind == "tokens"],
        settings=settings_table(lineage[-1].manifest),
        licences={each.manifest.name: licence for each in lineage if (licence := licence_of(each))},
        exports=exports,
        formats=exports.facts.get("formats", {}),
        report=report.facts if report else None,
        gate=gate,
        size=size,
    )


def settings_table(manifest: Manifest) -> list[tuple[str, str]]:
    """The stage's settings, nested ones with dots, as text; references to other stages left out."""
    references = {parent.field for parent in manifest.parents}
    rows: list[tuple[str, str]] = []

    def walk(prefix: str, settings: dict[str, Any]) -> None:
        for key, value in settings.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict):
                walk(f"{path}.", value)
            elif value is not None and path not in references:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                if len(text) <= SETTING_CHARACTERS:
                    rows.append((path, text.replace("|", "\\|").replace("\n", " ")))

    walk("", {key: value for key, value in manifest.settings.items() if key != "do"})
    return rows


def licence_of(artifact: Artifact) -> str | None:
    """The licence that came with what an artifact was made from, if anything named one."""
    for key in ("licence", "license"):
        value = artifact.facts.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def size(num_bytes: float) -> str:
    """``271 MB`` (10^6 bytes)."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} GB"


def write_card(path: Path, text: str) -> None:
    path.write_text(text.strip() + "\n", encoding="utf-8")
