"""``do: release``: judge the gate, then write down what is released. Makes a ``release``.

The version number is given once the artifact is published, by the pipeline (`danlu.registry.registry`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.artifacts.readable_json import write_json
from danlu.artifacts.stage import Estimate, StageContext
from danlu.artifacts.store import Artifact
from danlu.errors import UserError
from danlu.registry.lineage import ancestors
from danlu.release.card import render_card, write_card
from danlu.release.config import ReleaseConfig
from danlu.release.exports import export_paths
from danlu.release.gate import check_names, describe, holds, values

VERSION = 1
PREPARES = False

EVALUATION_FACTS = (
    *("summary", "accuracy", "accuracy_interval", "macro_f1", "macro_f1_interval"),
    *("majority_label", "majority_accuracy", "above_majority"),
    *("loss", "loss_interval", "perplexity", "perplexity_interval", "difference"),
    *("confidence", "num_rows", "num_tokens"),
)
"""What a release keeps of its report."""


def plan(config: ReleaseConfig, context: StageContext) -> Estimate:
    """Costs nothing; the gate's names are checked as far as the facts are known."""
    notes = []
    if config.gate is not None:
        foretold = {each.name for inputs in context.inputs.values() for each in inputs if each.artifact is None}
        check_names(config.gate, _facts(context), foretold)
        notes.append(f"registered as {config.name} if {config.gate}")
    elif config.evaluation is None:
        notes.append(f"registered as {config.name} without an evaluation and without a gate")
    return Estimate(
        seconds=0.5,
        peak_memory_bytes=100_000_000,
        disk_bytes=20_000,
        notes=notes,
        facts={"name": config.name},
    )


def run(config: ReleaseConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Write ``release.json`` and ``MODEL_CARD.md``.

    Raises:
        UserError: the gate does not hold.
    """
    gate = _judge(config, context)
    model, exports = _artifact(context, "model"), _artifact(context, "exports")
    report = _artifact(context, "evaluation") if config.evaluation else None
    facts = {
        "name": config.name,
        "model": model.id,
        "exports": export_paths(exports),
        "gate": gate,
        "evaluation": {key: report.facts[key] for key in EVALUATION_FACTS if key in report.facts} if report else {},
    }
    write_json(out / "release.json", facts)
    card = render_card(
        name=config.name, lineage=ancestors(context.store, model), exports=exports, report=report, gate=gate
    )
    write_card(out / "MODEL_CARD.md", card)
    return facts


def _judge(config: ReleaseConfig, context: StageContext) -> dict[str, Any]:
    """The gate with its values; empty if there is none."""
    if config.gate is None:
        return {}
    known = values(config.gate, _facts(context))
    if not holds(config.gate, known):
        raise UserError(
            f"{config.name} is not released: its gate {config.gate!r} does not hold.",
            f"It is {describe(known) or 'a constant'}. Improve the model, or change the gate if it asks too much.",
        )
    context.reporter.say(f"The gate of {config.name} holds: {config.gate} ({describe(known)}).")
    return {"expression": config.gate, "values": known, "passed": True}


def _facts(context: StageContext) -> dict[str, Any]:
    """Facts of everything the release takes, by the recipe's names; None for what will be known later."""
    return {each.name: each.facts or None for inputs in context.inputs.values() for each in inputs}


def _artifact(context: StageContext, setting: str) -> Artifact:
    artifact = context.input(setting).artifact
    assert artifact is not None, f"{setting} has not been made yet"
    return artifact
