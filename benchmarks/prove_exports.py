"""The exported files of a released model beside the model that was trained, in other programs.

Held-out conversations go through the trained model (adapter unmerged) and through

- the Hugging Face directory in plain transformers, in float32. The trained model is computed in float64 here: in
  float32 its own rounding, at the worst of 10^8 logits, is as large as the difference that is looked for. The
  difference between the two in float32 is in the result file as well (``hf_float32_on_both_sides``),
- the GGUF Q8_0 file read back by danlu, in OpenVINO (which gives whole distributions), and in llama.cpp (which gives
  the likeliest tokens; the others are taken together, so that figure is a lower bound of the divergence),

and both OpenVINO GenAI and llama.cpp are asked a question on every GGUF file.

    python -m benchmarks.prove_exports --workspace workspace --model assistant

Without such a release the recipe is run first. One JSON line per figure; the last line counts those that met their bar.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import RECIPE, REPOSITORY, report, run_recipe
from danlu.artifacts.examples import read_examples
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.compression.divergence import CHUNK_LOGITS, Observation, compare, observe
from danlu.compression.llama_cpp import LlamaCpp
from danlu.compression.probe import BUILT_IN, Probe, make_probe
from danlu.errors import UserError
from danlu.models.gguf.read import load_gguf
from danlu.models.load import load_model
from danlu.registry.registry import Registry
from danlu.settings import Workspace

MAX_LOGIT_DIFFERENCE = 1e-4
MAX_KL_NATS = 1e-2
LLAMA_CPP_POSITIONS = 256
LLAMA_CPP_TOP = 100
QUESTION = "What is the capital of France?"
ANSWER_TOKENS = 24


@dataclass(frozen=True)
class Row:
    """One figure."""

    name: str
    value: float
    bar: float
    met: bool

    @classmethod
    def at_most(cls, name: str, value: float, bar: float) -> Row:
        return cls(name, value, bar, value <= bar)

    @classmethod
    def at_least(cls, name: str, value: float, bar: float) -> Row:
        return cls(name, value, bar, value >= bar)


@dataclass(frozen=True)
class Released:
    """What is compared."""

    trained: Artifact
    exports: dict[str, Path]
    """Format -> directory or file."""
    conversations: list[list[dict[str, str]]]
    origin: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=REPOSITORY / "workspace")
    parser.add_argument("--model", default="assistant", help="name of a released model, or NAME@VERSION")
    parser.add_argument("--tokens", type=int, default=2000, help="held-out positions to compare at")
    arguments = parser.parse_args()

    workspace = Workspace.open(arguments.workspace)
    store = ArtifactStore(workspace.artifacts)
    released = find(workspace, store, arguments.model)
    loaded = load_model(released.trained, store, dtype=torch.float32)
    probe = make_probe(
        loaded.tokenizer,
        released.conversations,
        origin=released.origin,
        num_tokens=arguments.tokens,
        context=int(loaded.model.config.max_position_embeddings),
    )
    trained = observe(loaded.model, probe.rows)
    tokenizer = loaded.tokenizer
    del loaded

    rows: list[Row] = []
    rounded: float | None = None
    if directory := released.exports.get("hf"):
        exact = observe(load_model(released.trained, store, dtype=torch.float64).model, probe.rows)
        difference, rounded = logit_differences(directory, [exact, trained], probe)
        rows.append(Row.at_most("hf_max_logit_difference", difference, MAX_LOGIT_DIFFERENCE))
        print(json.dumps({**vars(rows[0]), "hf_float32_on_both_sides": rounded}), flush=True)
    for row in prove(released, trained, tokenizer, probe):
        print(json.dumps(vars(row)), flush=True)
        rows.append(row)
    met = report(
        "prove_exports",
        sum(row.met for row in rows),
        len(rows),
        rows=[vars(row) for row in rows],
        trained=released.trained.id,
        tokens=probe.num_tokens,
        conversations=released.origin,
        hf_float32_on_both_sides=rounded,
    )
    sys.exit(not met)


def find(workspace: Workspace, store: ArtifactStore, name: str) -> Released:
    """The released model's parts, out of its lineage; the recipe is run if it was never released."""
    try:
        version = Registry.open(workspace).resolve(name)
    except UserError:
        print(f"There is no {name} in {workspace.root}; running {RECIPE.name} first.", flush=True)
        run_recipe(RECIPE, workspace.root)
        version = Registry.open(workspace).resolve(name)
    parents = {parent.field: parent for parent in store.get(version.artifact_id).manifest.parents}
    data = [parent for parent in store.get(parents["exports"].id).manifest.parents if parent.field == "data"]
    conversations, origin = BUILT_IN, "built-in conversations"
    if data:
        part = data[0].part or "test"
        examples = sorted(read_examples(store.get(data[0].id).path, part), key=lambda row: str(row["id"]))
        conversations, origin = [row["messages"] for row in examples], f"{data[0].name}.{part}"
    return Released(store.get(parents["model"].id), version.exports, conversations, origin)


def prove(released: Released, trained: Observation, tokenizer: Any, probe: Probe) -> Iterator[Row]:
    """The figures of the GGUF files, in turn; one model in memory at a time."""
    if path := released.exports.get("gguf-q8_0"):
        model, _ = load_gguf(path)
        found = compare(trained, observe(model, probe.rows))
        del model
        yield Row.at_most("q8_0_kl_nats_read_back", found.kl_mean_nats, MAX_KL_NATS)
        yield Row.at_most("q8_0_kl_nats_openvino", kl_in_openvino(path, trained, probe), MAX_KL_NATS)
        divergence = kl_in_llama_cpp(path, trained, tokenizer, probe)
        yield Row.at_most("q8_0_kl_nats_llama_cpp_at_least", divergence, MAX_KL_NATS)
    for name, path in released.exports.items():
        if name.startswith("gguf"):
            yield Row.at_least(f"{name}_answers_in_llama_cpp", float(answers_in_llama_cpp(path)), 1.0)
            yield Row.at_least(f"{name}_answers_in_openvino", float(answers_in_openvino(path)), 1.0)


def logit_differences(directory: Path, expected: list[Observation], probe: Probe) -> list[float]:
    """Largest difference of any logit of plain transformers, in float32, from each of some observations."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    largest, start = [0.0] * len(expected), 0
    with torch.inference_mode():
        for row in probe.rows:
            actual_TV = model(input_ids=torch.tensor([row])).logits[0]
            for index, observation in enumerate(expected):
                expected_TV = observation.part(slice(start, start + len(row)))
                largest[index] = max(largest[index], float((expected_TV - actual_TV).abs().max()))
            start += len(row)
    return largest


def kl_in_openvino(path: Path, trained: Observation, probe: Probe) -> float:
    """Mean divergence from the trained model to the file as OpenVINO computes it, in nats per token."""
    import openvino
    import openvino_genai

    with tempfile.TemporaryDirectory(prefix="danlu-openvino-") as directory:
        # OpenVINO GenAI writes the network it makes of a GGUF file beside that file.
        copy = Path(directory) / "model.gguf"
        os.symlink(path, copy)
        openvino_genai.LLMPipeline(str(copy), "CPU", enable_save_ov_model=True)
        network = openvino.Core().compile_model(Path(directory) / "openvino_model.xml", "CPU")
        total, start = 0.0, 0
        for row in probe.rows:
            request = network.create_infer_request()
            ids_BT = np.array([row])
            inputs = {
                "input_ids": ids_BT,
                "attention_mask": np.ones_like(ids_BT),
                "position_ids": np.arange(len(row))[None],
                "beam_idx": np.zeros(1, np.int32),
            }
            logits_TV = torch.from_numpy(request.infer(inputs)[0][0])
            total += float(kl(trained, start, logits_TV).sum())
            start += len(row)
    return total / start


def kl(trained: Observation, start: int, logits_TV: torch.Tensor) -> torch.Tensor:
    """Divergence at consecutive positions, (T,)."""
    results = []
    step = max(1, CHUNK_LOGITS // logits_TV.shape[1])
    for offset in range(0, len(logits_TV), step):
        actual_NV = logits_TV[offset : offset + step].float().log_softmax(-1)
        begin = start + offset
        expected_NV = trained.part(slice(begin, begin + len(actual_NV))).log_softmax(-1)
        results.append((expected_NV.exp() * (expected_NV - actual_NV)).sum(-1))
    return torch.cat(results)


def kl_in_llama_cpp(path: Path, trained: Observation, tokenizer: Any, probe: Probe) -> float:
    """A lower bound of the mean divergence to the file as llama.cpp computes it, in nats per token.

    llama.cpp tells the likeliest tokens. All others are one event, which can only make a divergence smaller.
    """
    engine = LlamaCpp(path, context=1024)
    total, position = 0.0, 0
    for row in probe.rows:
        for length in range(1, len(row) + 1):
            if position == LLAMA_CPP_POSITIONS:
                return total / position
            likeliest = engine.top_log_probabilities(row[:length], LLAMA_CPP_TOP, end_id=tokenizer.eos_token_id)
            expected_V = trained.part(slice(position, position + 1))[0].double().log_softmax(-1)
            p = expected_V[list(likeliest)].exp().numpy()
            q = np.exp(np.array(list(likeliest.values())))
            p, q = np.append(p, max(1 - p.sum(), 1e-12)), np.append(q, max(1 - q.sum(), 1e-12))
            total += float((p * np.log(p / q)).sum())
            position += 1
    return total / position


def answers_in_llama_cpp(path: Path) -> bool:
    """Whether llama.cpp loads the file and answers a question in a chat."""
    return said(
        "llama.cpp", path, LlamaCpp(path, context=512).answer([{"role": "user", "content": QUESTION}], ANSWER_TOKENS)
    )


def answers_in_openvino(path: Path) -> bool:
    """Whether OpenVINO GenAI loads the file and answers a question, with the chat template inside the file."""
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(str(path), "CPU", enable_save_ov_model=False)
    return said("OpenVINO", path, str(pipeline.generate(QUESTION, max_new_tokens=ANSWER_TOKENS, do_sample=False)))


def said(program: str, path: Path, answer: str) -> bool:
    print(f"{program} with {path.name}: {answer.strip()!r}", flush=True)
    return bool(answer.strip())


if __name__ == "__main__":
    main()
