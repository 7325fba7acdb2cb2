"""The gate: an export is only published if other programs will get from it what was trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from danlu.compression.config import FormatName, GateConfig
from danlu.compression.divergence import Divergence, Observation, compare, observe
from danlu.compression.llama_cpp import LlamaCpp, is_installed
from danlu.compression.probe import Probe, render, tokenise
from danlu.errors import UserError
from danlu.models.gguf.read import load_gguf
from danlu.models.load import load_for, load_tokenizer, read_config
from danlu.models.tasks import task_of

PROMPT_TOKENS = 48
"""Length of the prompt whose continuation llama.cpp is asked for."""
TOP_TOKENS = 5
MAX_LLAMA_CPP_DIFFERENCE_NATS: dict[str, float] = {"gguf-f16": 0.1, "gguf-q8_0": 0.5}
"""Largest difference of a log-probability between llama.cpp and transformers on the same file. llama.cpp rounds
activations too (to float16, or to 8 bits), so this only tells a wrong computation from a right one."""
RENDERED_PROMPTS = 20
"""Prompts that llama.cpp's template engine renders too."""


@dataclass(frozen=True)
class Parity:
    """What the gate found out about one export."""

    divergence: Divergence
    token_mismatch: str | None
    """Where token ids or prompts differ, or None if all are identical."""
    checked_with: list[str]
    """Readers of the export that took part."""
    llama_cpp_difference_nats: float | None = None
    notes: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        facts = {
            **self.divergence.facts(),
            "token_ids_identical": self.token_mismatch is None,
            "checked_with": self.checked_with,
        }
        if self.llama_cpp_difference_nats is not None:
            facts["llama_cpp_difference_nats"] = self.llama_cpp_difference_nats
        return facts


def check_hf(directory: Path, trained: Observation, tokenizer: Any, probe: Probe) -> Parity:
    """Load the exported directory in plain transformers and compare, in float64.

    Two forward passes in float32 differ by 1e-4 through rounding alone where logits reach 40. In float64 the difference
    that remains is that of the weights.

    Args:
        directory: The export.
        trained: The trained model on ``probe.exact_rows`` in float64.
        tokenizer: The trained model's.
        probe: What is compared.
    """
    import transformers

    mismatch = _first_mismatch(tokenizer, load_tokenizer(directory), probe)
    model = load_for(task_of(read_config(directory)), directory, dtype=torch.float64)
    divergence = compare(trained, observe(model, probe.exact_rows))
    return Parity(divergence, mismatch, [f"transformers {transformers.__version__}"])


def check_gguf(path: Path, trained: Observation, tokenizer: Any, probe: Probe) -> Parity:
    """Read the file back, compare, and let llama.cpp read it too where it is installed.

    Args:
        path: The exported file.
        trained: The trained model on ``probe.rows`` in float32.
        tokenizer: The trained model's.
        probe: What is compared.
    """
    model, own_tokenizer = load_gguf(path)
    observation = observe(model, probe.rows)
    divergence = compare(trained, observation)
    mismatch = _first_mismatch(tokenizer, own_tokenizer, probe)
    if not is_installed():
        return Parity(
            divergence,
            mismatch,
            ["danlu's GGUF reader"],
            notes=["llama.cpp is not installed (danlu[serve]), so only danlu's own reader has read the file"],
        )
    prompt = probe.rows[0][:PROMPT_TOKENS]
    with torch.inference_mode():
        expected_V = observation.part(slice(len(prompt) - 1, len(prompt)))[0].log_softmax(-1)
    context = min(int(model.config.max_position_embeddings), 2 * PROMPT_TOKENS)
    del model, observation
    llama_cpp = LlamaCpp(path, context=context)
    likeliest = llama_cpp.top_log_probabilities(prompt, TOP_TOKENS, end_id=tokenizer.eos_token_id)
    return Parity(
        divergence,
        mismatch or _first_mismatch_in_llama_cpp(llama_cpp, tokenizer, probe),
        ["danlu's GGUF reader", f"llama.cpp (xllamacpp {_version()})"],
        max(abs(value - float(expected_V[index])) for index, value in likeliest.items()),
    )


def require(name: FormatName, parity: Parity, gate: GateConfig) -> None:
    """Let an export pass or not.

    Raises:
        UserError: it is further from the trained model than the gate allows.
    """
    divergence = parity.divergence
    if parity.token_mismatch is not None:
        raise UserError(
            f"The export {name} does not tokenise as the trained model does: {parity.token_mismatch}.",
            f"Leave {name} out of formats; the model would answer worse than it can.",
        )
    if not divergence.kl_mean_nats <= gate.max_kl_nats[name]:
        raise UserError(
            f"The export {name} is {divergence.kl_mean_nats:.2g} nats per token from the trained model, "
            f"more than {gate.max_kl_nats[name]:g}.",
            f"Leave {name} out of formats, or allow more with gate.max_kl_nats: {{{name}: ...}}.",
        )
    if name == "hf" and not divergence.max_logit_difference <= gate.max_logit_difference:
        raise UserError(
            f"The export {name} has a logit {divergence.max_logit_difference:.2g} from the trained model's, "
            f"more than {gate.max_logit_difference:g}.",
            "Allow more with gate.max_logit_difference, if the model's logits are very large.",
        )
    difference, bound = parity.llama_cpp_difference_nats, MAX_LLAMA_CPP_DIFFERENCE_NATS.get(name)
    if difference is not None and bound is not None and not difference <= bound:
        raise UserError(
            f"llama.cpp computes log-probabilities from the export {name} that differ by {difference:.2g} nats, "
            f"more than {bound:g}.",
            f"Leave {name} out of formats; llama.cpp computes this architecture differently.",
        )


def _first_mismatch(trained: Any, exported: Any, probe: Probe) -> str | None:
    """Where the exported tokenizer or template first differs from the trained model's."""
    for conversation, text in probe.conversations:
        if render(exported, conversation) != text:
            return f"the template renders another text for {_beginning(text)}"
    for text, ids in zip(probe.texts, probe.ids, strict=True):
        if (got := tokenise(exported, text)) != ids:
            return f"{_difference(ids, got)} in {_beginning(text)}"
    adds = [tokenizer("a").input_ids for tokenizer in (trained, exported)]
    if adds[0] != adds[1]:
        return f"the text 'a' becomes {adds[1]} instead of {adds[0]}"
    return None


def _first_mismatch_in_llama_cpp(llama_cpp: LlamaCpp, tokenizer: Any, probe: Probe) -> str | None:
    """The same for llama.cpp's own tokenizer and template engine."""
    for text, ids in zip(probe.texts, probe.ids, strict=True):
        if (got := llama_cpp.tokenise(text)) != ids:
            return f"in llama.cpp, {_difference(ids, got)} in {_beginning(text)}"
    expected = tokenizer("a").input_ids
    if (got := llama_cpp.tokenise("a", add_special=True)) != expected:
        return f"in llama.cpp, the text 'a' becomes {got} instead of {expected}"
    if not tokenizer.chat_template:
        return None
    for conversation in [each for each, _ in probe.conversations if len(each) > 1][:RENDERED_PROMPTS]:
        prompt = render(tokenizer, conversation, prompt=True)
        # llama.cpp leaves out the begin token that the template writes when it adds one by itself.
        begin = tokenizer.bos_token if tokenizer.bos_token and expected[0] == tokenizer.bos_token_id else ""
        if llama_cpp.rendered(conversation[:-1]).removeprefix(begin) != prompt.removeprefix(begin):
            return f"llama.cpp's template renders another text for {_beginning(prompt)}"
    return None


def _difference(expected: list[int], actual: list[int]) -> str:
    place = next((i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), len(expected))
    return f"token {place} is {actual[place : place + 1]} instead of {expected[place : place + 1]}"


def _beginning(text: str) -> str:
    return repr(text[:60] + ("..." if len(text) > 60 else ""))


def _version() -> str:
    from importlib.metadata import version

    return version("xllamacpp")
