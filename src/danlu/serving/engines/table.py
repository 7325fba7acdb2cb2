"""The engines there are, and which one serves a given model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from danlu.errors import UserError, did_you_mean
from danlu.serving.engines.engine import EngineClass
from danlu.serving.engines.llamacpp import LlamaCppEngine
from danlu.serving.engines.transformers import TransformersEngine
from danlu.serving.lookup import Servable

AUTO = "auto"

ENGINES: dict[str, EngineClass] = {
    "llamacpp": LlamaCppEngine,
    "transformers": TransformersEngine,
}


@dataclass(frozen=True)
class Choice:
    """The engine to load, what it is to load, and why this one."""

    engine: str
    path: Path
    why: str


def choose_engine(servable: Servable, wanted: str) -> Choice:
    """llama.cpp where there is a GGUF file and the engine is installed, else transformers; or the one that is wanted.

    Raises:
        UserError: there is no such engine, or the model does not come in its format.
    """
    if wanted != AUTO and wanted not in ENGINES:
        raise UserError(f"There is no engine {wanted!r}.", did_you_mean(wanted, [AUTO, *ENGINES]))
    installed = find_spec("xllamacpp") is not None
    if servable.gguf is not None and (wanted == "llamacpp" or (wanted == AUTO and installed)):
        return Choice("llamacpp", servable.gguf, f"it reads {servable.gguf.name}")
    if servable.hf is not None and wanted in (AUTO, "transformers"):
        why = "it reads the Hugging Face directory"
        if wanted == AUTO:
            missing = "there is no GGUF file" if servable.gguf is None else "xllamacpp is not installed"
            why += f"; {missing} for llama.cpp"
        return Choice("transformers", servable.hf, why)
    if servable.gguf is not None and wanted == AUTO:
        raise UserError(
            "A GGUF file is served by llama.cpp, which is not installed (xllamacpp).",
            "Install it with: pip install 'danlu[serve]'",
        )
    needs = "a GGUF file" if wanted == "llamacpp" else "a Hugging Face directory"
    raise UserError(
        f"The engine {wanted!r} needs {needs}, and {servable.model_id!r} has none.",
        "Serve it with --engine auto, or export that format too.",
    )
