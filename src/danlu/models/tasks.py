"""What a model is for: which of transformers' heads stands on its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from danlu.errors import UserError

Task = Literal["causal_lm", "masked_lm", "pretraining", "classification"]
"""``causal_lm``: predicts the next token. The others are encoders, whose tokens see each other both ways.
``masked_lm``: guesses hidden tokens. ``pretraining``: does that, and tells whether one segment follows another.
``classification``: puts a text into one of some classes."""

AUTO_CLASSES: dict[Task, str] = {
    "causal_lm": "AutoModelForCausalLM",
    "masked_lm": "AutoModelForMaskedLM",
    "pretraining": "AutoModelForPreTraining",
    "classification": "AutoModelForSequenceClassification",
}
"""Of transformers."""

CLASS_NAMES: dict[str, Task] = {
    "ForMaskedLM": "masked_lm",
    "ForPreTraining": "pretraining",
    "ForSequenceClassification": "classification",
}
"""Endings of ``architectures`` in a ``config.json``."""

ENCODERS = ("bert",)
"""Model types whose heads `danlu.models.encoder` knows."""


def auto_class(task: Task) -> Any:
    """The class of transformers that loads or makes a model for a task."""
    import transformers

    return getattr(transformers, AUTO_CLASSES[task])


def is_encoder(config: Mapping[str, Any]) -> bool:
    """Whether the content of a ``config.json`` is that of an encoder."""
    return config.get("model_type") in ENCODERS and not config.get("is_decoder", False)


def task_of(config: Mapping[str, Any]) -> Task:
    """What the model of a ``config.json`` is for; an encoder that does not say it, for guessing hidden tokens."""
    if not is_encoder(config):
        return "causal_lm"
    named = str((config.get("architectures") or [""])[0])
    return next((task for ending, task in CLASS_NAMES.items() if named.endswith(ending)), "masked_lm")


def class_names(config: Mapping[str, Any]) -> list[str]:
    """The classes of a classifier, in the order of its outputs."""
    names: Mapping[Any, str] = config["id2label"]
    return [str(name) for _, name in sorted(names.items(), key=lambda item: int(item[0]))]


def with_classes(names: Sequence[str]) -> dict[str, Any]:
    """What a ``config.json`` says of a classifier that tells these classes apart."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
        "problem_type": "single_label_classification",
    }


def check_task(config: Mapping[str, Any], task: Task, what: str) -> None:
    """See that a model can be used for a task.

    Args:
        config: Content of its ``config.json``.
        task: What it is wanted for.
        what: The setting that wants it, for the message.

    Raises:
        UserError: it cannot.
    """
    name = config.get("model_type")
    if task == "causal_lm" and is_encoder(config):
        raise UserError(
            f"{what} predicts each token from those before it, and a {name!r} model is an encoder.",
            "Take a causal model such as qwen3, or an encoder's objective: masked_language_model or classification.",
        )
    if task != "causal_lm" and not is_encoder(config):
        raise UserError(
            f"{what} needs an encoder, and a {name!r} model predicts the next token.",
            f"Take an encoder ({', '.join(ENCODERS)}; do: initialize makes one), or objective: language_model.",
        )
