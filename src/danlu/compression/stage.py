"""``do: export``: write a model in formats other programs read, each compared with it. Makes an ``export``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from danlu.artifacts.readable_json import write_json
from danlu.artifacts.stage import Estimate, StageContext
from danlu.compression.config import ExportConfig, FormatName
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness

VERSION = 1
PREPARES = False

BYTES_PER_WEIGHT: dict[FormatName, float] = {"hf": 4.0, "gguf-f16": 2.0, "gguf-q8_0": 34 / 32}
BYTES_BEFORE_MODEL = 1_150_000_000
"""Resident memory of the process with torch, transformers and peft loaded and at work."""


def plan(config: ExportConfig, context: StageContext) -> Estimate:
    """Time and memory grow with the number of weights; the gate reads every export back once."""
    from danlu.compression.estimate import peak_memory_bytes, seconds

    model = context.input("model")
    num_parameters = int(model.facts.get("num_parameters") or 0)
    vocabulary_size = int(model.facts.get("vocabulary_size") or 0)
    _check_architecture(config, model.facts)
    data = context.inputs.get("data") or []
    where = f"{data[0].name}.{data[0].part or 'test'}" if data else "built-in conversations"
    notes = [f"every export is compared with the trained model at {config.gate.tokens:,} positions of {where}"]
    if not num_parameters:
        notes.append("the size of the model is not known yet, so time and memory are not either")
    return Estimate(
        seconds=slowness() * seconds(num_parameters, vocabulary_size, config.formats, config.gate.tokens),
        peak_memory_bytes=peak_memory_bytes(num_parameters, BYTES_BEFORE_MODEL),
        disk_bytes=int(sum(BYTES_PER_WEIGHT[name] * num_parameters for name in config.formats)),
        notes=notes,
        facts={"formats": {name: {"path": _place(name, "model")} for name in config.formats}},
    )


def run(config: ExportConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Write every format, compare it, and let it pass or fail."""
    import torch

    from danlu.compression.divergence import Observation, final_head, last_hidden_states
    from danlu.compression.gate import Parity, check_gguf, check_hf, require
    from danlu.compression.merge import merge_adapter, save_model
    from danlu.compression.probe import make_probe
    from danlu.models.gguf.write import size_label, write_gguf
    from danlu.models.load import base_artifact, load_model
    from danlu.telemetry.allocator import release_memory

    artifact = context.input("model").artifact
    assert artifact is not None
    base = base_artifact(artifact, context.store)
    loaded = load_model(artifact, context.store, dtype=torch.float32)
    tokenizer = loaded.tokenizer
    held_out, origin = _held_out(context)
    probe = make_probe(
        tokenizer,
        held_out,
        origin=origin,
        num_tokens=config.gate.tokens,
        context=int(loaded.model.config.max_position_embeddings),
    )
    # Before anything is merged, in place.
    hidden_ND = last_hidden_states(loaded.model, probe.rows)
    exact_hidden_ND = last_hidden_states(loaded.model.double(), probe.exact_rows)
    model = merge_adapter(loaded.model.float())
    head = final_head(model)
    num_parameters = model.num_parameters()
    name = config.name or f"{model.config.model_type}-{size_label(num_parameters)}"

    formats: dict[str, dict[str, Any]] = {}
    with _directory_for_hf(config, context, out) as hf:
        save_model(model, tokenizer, hf, licence_from=base.path)
        del loaded, model
        for each in config.formats:
            release_memory()
            place = _place(each, name)
            if each == "hf":
                exact_head = replace(
                    head, weight=head.weight.double(), bias=None if head.bias is None else head.bias.double()
                )
                parity: Parity = check_hf(hf, Observation(exact_hidden_ND, exact_head), tokenizer, probe)
                del exact_head
            else:
                path = out / place
                path.parent.mkdir()
                file_type = each.removeprefix("gguf-")
                for note in write_gguf(hf, path, file_type=file_type, name=name, licence=base.facts.get("licence")):
                    context.reporter.warn(f"{each}: {note}.")
                parity = check_gguf(path, Observation(hidden_ND, head), tokenizer, probe)
            for note in parity.notes:
                context.reporter.warn(f"{each}: {note}.")
            require(each, parity, config.gate)
            formats[each] = {"path": place, "num_bytes": _num_bytes(out / place), **parity.facts()}
            context.reporter.say(_line(each, formats[each]))
    facts = {
        "formats": formats,
        "num_parameters": num_parameters,
        "compared_on": {"origin": probe.origin, "rows": len(probe.ids), "tokens": probe.num_tokens},
        "bounds": config.gate.model_dump(mode="json"),
        "licence": base.facts.get("licence"),
    }
    write_json(out / "parity.json", facts)
    return facts


def _held_out(context: StageContext) -> tuple[list[list[dict[str, str]]] | list[str], str]:
    """Held-out conversations, or documents, in the order of their ids, and where they come from."""
    from danlu.artifacts.corpus import read_documents
    from danlu.artifacts.examples import read_examples
    from danlu.artifacts.splits import SPLITS
    from danlu.compression.probe import BUILT_IN
    from danlu.models.tool_calls import plain

    if not context.inputs.get("data"):
        return BUILT_IN, "built-in conversations"
    data = context.input("data")
    part = data.part or "test"
    if part not in SPLITS:
        raise UserError(f"{data.name} has no part {part!r}.", f"Parts are {', '.join(SPLITS)}.")
    is_corpus = data.kind == "corpus"
    rows = (
        [row for batch in read_documents(data.path, part) for row in batch.to_pylist()]
        if is_corpus
        else read_examples(data.path, part)
    )
    if not rows:
        raise UserError(
            f"{data.name}.{part} has no rows to compare the export on.",
            "Hold rows out with split: {test: 0.1}, or leave data out.",
        )
    rows.sort(key=lambda row: str(row["id"]))
    held_out = [row["text"] for row in rows] if is_corpus else [plain(row["messages"]) for row in rows]
    return held_out, f"{data.name}.{part}"


def _check_architecture(config: ExportConfig, facts: Any) -> None:
    """Say before anything is spent that GGUF does not know the architecture."""
    from danlu.models.gguf.architectures import architecture_to_write
    from danlu.models.tasks import is_encoder

    others = [name for name in config.formats if name != "hf"]
    if is_encoder(facts.get("config") or {}) and others:
        raise UserError(
            f"{others[0]}: a {facts['architecture']!r} model is an encoder, and Danlu writes GGUF for models that"
            " predict the next token.",
            "Set 'formats: [hf]'; AutoModelForMaskedLM or AutoModelForSequenceClassification of transformers reads it.",
        )
    if facts.get("architecture") and config.formats != ["hf"]:
        architecture_to_write(facts["architecture"])


@contextmanager
def _directory_for_hf(config: ExportConfig, context: StageContext, out: Path) -> Iterator[Path]:
    """Where the merged directory goes: into the artifact if it was asked for, else aside until GGUF is written."""
    if "hf" in config.formats:
        yield out / "hf"
        return
    context.directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=context.directory) as aside:
        yield Path(aside) / "hf"


def _place(name: FormatName, model_name: str) -> str:
    """Where a format lies inside the artifact."""
    return "hf" if name == "hf" else f"{name}/{model_name}.gguf"


def _num_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(each.stat().st_size for each in path.iterdir())


def _line(name: str, facts: dict[str, Any]) -> str:
    return (
        f"{name}: {facts['num_bytes'] / 1e6:,.0f} MB, KL {facts['kl_mean_nats']:.2g} nats per token, "
        f"same likeliest token at {facts['top1_agreement']:.1%} of {facts['num_positions']:,} positions, "
        f"read by {' and '.join(facts['checked_with'])}"
    )
