"""From inputs to a release with its card, its exports' places and its registered version; and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from danlu.artifacts.manifest import Manifest, Parent, SourceRecord
from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.registry.registry import Registry
from danlu.release import stage
from danlu.release.config import ReleaseConfig
from danlu.settings import Workspace

REPORT = {
    "summary": "tuned is better than base.",
    "loss": {"base": 2.0, "tuned": 1.5},
    "loss_interval": {"base": [1.9, 2.1], "tuned": [1.4, 1.6]},
    "perplexity": {"base": 7.389, "tuned": 4.482},
    "perplexity_interval": {"base": [6.69, 8.17], "tuned": [4.06, 4.95]},
    "difference": {"tuned": {"mean": -0.5, "interval": [-0.6, -0.4], "p_value": 0.0002}},
    "confidence": 0.95,
    "num_rows": 91,
    "num_tokens": 12345,
    "generations": [{"prompt": "?", "reference": "!", "answers": {}}],
}
SOURCE = SourceRecord(uri="pypi:llamafactory==0.9.5#data/alpaca_en_demo.json", sha256="ab" * 32, num_bytes=9)


def publish(store: ArtifactStore, kind: str, name: str, **about: Any) -> Artifact:
    fields = {"stage": kind, "stage_version": 1, "settings": {}, "seconds": 61.0, "peak_memory_bytes": 2_500_000_000}
    created = "2026-01-01T00:00:00+00:00"
    manifest = Manifest(id=f"{name:0<16}", kind=kind, name=name, created=created, **{**fields, **about})
    with store.publish(kind, manifest.id) as (directory, commit):
        (directory / "hf").mkdir()
        (directory / "hf" / "config.json").write_text("{}")
        (directory / "model-q8_0.gguf").write_bytes(b"GGUF")
        return commit(manifest)


def parent(artifact: Artifact, field: str) -> Parent:
    return Parent(field=field, name=artifact.manifest.name, kind=artifact.kind, id=artifact.id)


@pytest.fixture
def context(workspace: Workspace, reporter: Any) -> StageContext:
    """base and rows -> packed -> tuned -> proof, files: what stands behind a release."""
    store = ArtifactStore(workspace.artifacts)
    rows_facts = {
        "num_rows_read": 1090,
        "num_dropped": 12,
        "dropped_by_reason": {"near duplicate": 12},
        "num_examples": {"train": 900, "validation": 87, "test": 91},
    }
    base = publish(store, "model", "base", facts={"licence": "apache-2.0", "num_parameters": 134}, sources=[SOURCE])
    rows = publish(store, "examples", "rows", facts=rows_facts, sources=[SOURCE])
    packed = publish(store, "tokens", "packed", parents=[parent(rows, "data"), parent(base, "tokenizer")])
    tuned = publish(
        store,
        "model",
        "tuned",
        settings={"do": "train", "model": "base", "adapter": {"kind": "lora", "rank": 16}, "seed": 7, "extra": None},
        parents=[parent(base, "model"), parent(packed, "data")],
        environment={"python": "3.11.9", "torch": "2.13.0"},
    )
    proof = publish(store, "report", "proof", facts=REPORT, parents=[parent(base, "models"), parent(tuned, "models")])
    formats = {
        "hf": {"path": "hf", "num_bytes": 538_000_000, "token_ids_identical": True, "kl_mean_nats": 0.0},
        "gguf-q8_0": {"path": "model-q8_0.gguf", "num_bytes": 145_000_000},
    }
    files = publish(store, "export", "files", facts={"formats": formats}, parents=[parent(tuned, "model")])
    inputs = {
        "model": [Input("tuned", "model", None, tuned, tuned.facts)],
        "exports": [Input("files", "export", None, files, files.facts)],
        "evaluation": [Input("proof", "report", None, proof, proof.facts)],
    }
    return StageContext(
        name="release",
        workspace=workspace,
        store=store,
        reporter=reporter,
        directory=workspace.runs,
        inputs=inputs,
        sources={},
    )


def settings(**changes: Any) -> ReleaseConfig:
    given = {
        "do": "release",
        "name": "assistant",
        "model": "tuned",
        "exports": "files",
        "evaluation": "proof",
        "gate": "proof.loss.tuned < proof.loss.base",
    }
    return ReleaseConfig.model_validate({**given, **changes})


def test_a_release_says_what_it_is(context: StageContext, tmp_path: Path) -> None:
    facts = stage.run(settings(), context, tmp_path)
    assert facts["name"] == "assistant"
    assert facts["model"] == "tuned00000000000"
    assert facts["exports"] == {
        "hf": "export/files00000000000/hf",
        "gguf-q8_0": "export/files00000000000/model-q8_0.gguf",
    }
    assert facts["gate"] == {
        "expression": "proof.loss.tuned < proof.loss.base",
        "values": {"proof.loss.tuned": 1.5, "proof.loss.base": 2.0},
        "passed": True,
    }
    assert facts["evaluation"]["loss"] == REPORT["loss"]
    assert "generations" not in facts["evaluation"]
    assert json.loads((tmp_path / "release.json").read_text()) == facts


def test_a_published_release_is_registered_with_its_whole_lineage(context: StageContext, workspace: Workspace) -> None:
    manifest = Manifest(
        id="f" * 16,
        kind="release",
        stage="release",
        name="release",
        stage_version=1,
        settings={},
        parents=[parent(context.input(field).artifact, field) for field in ("model", "exports", "evaluation")],  # type: ignore[arg-type]
        created="2026-01-02T00:00:00+00:00",
        seconds=1.0,
        peak_memory_bytes=1,
    )
    with context.store.publish("release", manifest.id) as (directory, commit):
        facts = stage.run(settings(), context, directory)
        artifact = commit(manifest.model_copy(update={"facts": facts}))
    version = Registry.open(workspace).register(facts["name"], artifact)
    assert version.reference == "assistant@1"
    assert all(path.exists() for path in version.exports.values())
    order = [entry["name"] for entry in version.lineage]
    assert sorted(order) == ["base", "files", "packed", "proof", "release", "rows", "tuned"]
    for entry in version.lineage:
        for parent_id in entry["parents"]:
            before = [each["id"] for each in version.lineage].index(parent_id)
            assert before < [each["id"] for each in version.lineage].index(entry["id"])


def test_the_card_holds_what_was_made_and_measured(context: StageContext, tmp_path: Path) -> None:
    stage.run(settings(), context, tmp_path)
    card = (tmp_path / "MODEL_CARD.md").read_text()
    for text in (
        "# assistant\n",
        "fine-tuned from base (`base000000000000`)",
        "tuned is better than base.",
        f"| rows (examples) | `rows000000000000` | {SOURCE.uri} | `abababababababab…` |",
        "**rows:** 1,090 rows read, 12 left out, kept as 900 train, 87 validation, 91 test.",
        "near duplicate (12)",
        "**Licences:** base: apache-2.0. Nothing else stated one",
        "| adapter.rank | 16 |",
        "| seed | 7 |",
        "torch 2.13.0",
        "| base | 2.0000 [1.9000, 2.1000] | 7.389 [6.69, 8.17] |",
        "| tuned | 1.5000 [1.4000, 1.6000] | 4.482 [4.06, 4.95] | -0.5000 [-0.6000, -0.4000] | 0.0002 |",
        "`proof.loss.tuned` = 1.5",
        "| hf | 538 MB | yes | 0 |",
        "| gguf-q8_0 | 145 MB | not checked | not measured |",
        "not whether answers are true",
        "`packed0000000000`",
    ):
        assert text in card, f"{text!r} is missing from:\n{card}"
    assert "| model | base |" not in card, "references to stages are no settings"
    assert "extra" not in card
    assert "\n\n\n" not in card
    for block in card.split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, f"a table with rows of different widths:\n{block}"


def test_without_evaluation_the_card_claims_nothing(context: StageContext, tmp_path: Path) -> None:
    inputs = {key: value for key, value in context.inputs.items() if key != "evaluation"}
    facts = stage.run(settings(evaluation=None, gate=None), replace(context, inputs=inputs), tmp_path)
    assert facts["evaluation"] == {}
    assert facts["gate"] == {}
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "This model was not evaluated." in card
    assert "Gate" not in card


def test_a_gate_that_does_not_hold_stops_the_release(context: StageContext, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        stage.run(settings(gate="proof.loss.tuned < proof.loss.base - 0.7"), context, tmp_path)
    assert "assistant is not released" in error.value.what
    assert "proof.loss.tuned = 1.5, proof.loss.base = 2" in error.value.hint
    assert not any(tmp_path.glob("*.json"))


def test_the_plan_knows_the_gates_names(context: StageContext) -> None:
    loss: dict[str, Any] = {"base": None, "tuned": None}
    unmade = replace(
        context, inputs={**context.inputs, "evaluation": [Input("proof", "report", None, None, {"loss": loss})]}
    )
    assert "assistant" in stage.plan(settings(), unmade).notes[0]
    with pytest.raises(UserError, match="Did you mean 'tuned'"):
        stage.plan(settings(gate="proof.loss.tunde < 1"), unmade)
    nothing_known = replace(
        context, inputs={**context.inputs, "evaluation": [Input("proof", "report", None, None, {})]}
    )
    stage.plan(settings(gate="proof.loss.anything < 1"), nothing_known)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "missing.gguf"])
def test_exports_must_lie_inside_their_artifact(context: StageContext, tmp_path: Path, path: str) -> None:
    files = context.input("exports").artifact
    assert files is not None
    bad = replace(files, manifest=files.manifest.model_copy(update={"facts": {"formats": {"hf": {"path": path}}}}))
    inputs = {**context.inputs, "exports": [Input("files", "export", None, bad, bad.facts)]}
    with pytest.raises(UserError, match="has no"):
        stage.run(settings(), replace(context, inputs=inputs), tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a b", "a@1", "名", "x" * 65, "a\n"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no name for a release"):
        settings(name=name)


def test_a_malformed_gate_is_refused_with_the_recipe() -> None:
    with pytest.raises(ValidationError, match="A gate has names like"):
        settings(gate="__import__('os') < 1")
