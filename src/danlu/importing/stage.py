"""``do: import``: a model from outside becomes a Hugging Face directory in the workspace. Makes a ``model``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Estimate, Source, StageContext
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness
from danlu.importing.config import ImportConfig
from danlu.models.gguf.file import is_gguf
from danlu.models.tasks import is_encoder

VERSION = 1
PREPARES = True

BYTES_BEFORE_MODEL = 600_000_000
"""Resident memory of the process with torch and transformers loaded."""
STARTING_SECONDS = 4.0
"""Importing torch and transformers and reading a vocabulary."""
WRITTEN_PER_STORED_BYTE = {True: 5.5, False: 1.0}
"""Bytes written for each byte read, from GGUF (as measured on Q4_1, among the smallest usual types) and otherwise."""
WRITTEN_BYTES_PER_SECOND = 80e6
"""Dequantised, written, hashed, synced and read back; the stage took 10 to 13 s for SmolLM2-135M's 538 MB on an
EPYC."""


def plan(config: ImportConfig, context: StageContext) -> Estimate:
    """Everything is written once, one tensor at a time."""
    (source,) = context.sources["from"]
    model = _model_in(source.path)
    num_bytes = model.stat().st_size if model.is_file() else source.record.num_bytes
    disk_bytes = int(num_bytes * WRITTEN_PER_STORED_BYTE[is_gguf(model)])
    return Estimate(
        seconds=slowness() * (STARTING_SECONDS + disk_bytes / WRITTEN_BYTES_PER_SECOND),
        # The pages of the files it maps count as resident too.
        peak_memory_bytes=BYTES_BEFORE_MODEL + disk_bytes,
        disk_bytes=disk_bytes,
        notes=[
            "weights are dequantised to float32" if is_gguf(model) else "files are copied and every weight is checked"
        ],
    )


def run(config: ImportConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Write the Hugging Face directory, check that it is whole, and say what it is."""
    from danlu.importing.describe import describe
    from danlu.importing.directory import copy_directory
    from danlu.importing.verify import verify
    from danlu.models.files import set_chat_template
    from danlu.models.gguf.read import read_gguf

    (source,) = context.sources["from"]
    _check_hash(config, source)
    model = _model_in(source.path)
    if is_gguf(model):
        with context.reporter.progress("Dequantising", total=None, unit="B") as task:
            read_gguf(model, out, advance=task.advance)
    else:
        copy_directory(model, out, context.reporter)
    if config.chat_template is not None:
        set_chat_template(out, config.chat_template)
    facts = describe(out, verify(out), uris=config.from_, model=model, is_gguf=is_gguf(model))
    if not facts["has_chat_template"] and not is_encoder(facts["config"]):
        context.reporter.warn(
            f"The model {context.name} has no chat template; give one with chat_template to train and serve chats."
        )
    return facts


def _check_hash(config: ImportConfig, source: Source) -> None:
    if config.sha256 is not None and source.record.sha256 != config.sha256:
        raise UserError(
            f"The source {source.record.uri} has the sha256 {source.record.sha256}, not {config.sha256}.",
            "Check where it comes from; correct or remove sha256 in the recipe if it is what you want.",
        )


def _model_in(path: Path) -> Path:
    """The GGUF file or model directory that a source means. A directory with one GGUF file alone means that file."""
    if path.is_dir() and not (path / "config.json").is_file():
        files = sorted(path.glob("*.gguf"))
        if len(files) == 1:
            return files[0]
        if files:
            raise UserError(
                f"{path} holds {len(files)} GGUF files: {', '.join(file.name for file in files[:5])}.",
                "Name one of them, for example with #NAME.gguf behind the URI.",
            )
    if path.is_file() and not is_gguf(path):
        raise UserError(f"{path.name} is not a GGUF file.", "Name a GGUF file or a Hugging Face directory.")
    return path
