"""``do: evaluate``: score models on held-out rows, compare them, and let them answer. Makes a ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.artifacts.stage import Estimate, Input, StageContext
from danlu.errors import UserError
from danlu.evaluation.config import ContaminationConfig, EvaluateConfig, GenerationsConfig
from danlu.evaluation.masked import NUM_FOLDS
from danlu.hardware.machine import num_usable_cores
from danlu.hardware.yardstick import slowness
from danlu.models.tasks import Task, task_of

if TYPE_CHECKING:
    from danlu.evaluation.contamination import Contamination
    from danlu.overlap.rows import TextRow

VERSION = 3
PREPARES = False

CHARACTERS_PER_TOKEN = 4.0
TOKENS_PER_SECOND_AND_BILLION = 138.0
"""Tokens scored in a second by a model of a billion parameters, where nothing better is known."""
SECONDS_PER_STEP_AND_BILLION = 0.45
"""One token of all answers, for a model of a billion parameters: its weights are read once."""
LOAD_SECONDS = 5.0
"""Reading a model and resampling its rows."""
BYTES_BEFORE_MODEL = 725_000_000
"""Resident memory of the process with torch and transformers loaded and at work, and what a training before it left."""
FILE_BYTES_PER_WEIGHT = 4
"""While a model is loaded, the pages of its file are resident beside the weights."""
PASS_BYTES = 90_000_000
"""What scoring holds per core: hidden states, and logits of a chunk of positions."""


def plan(config: EvaluateConfig, context: StageContext) -> Estimate:
    """Time grows with tokens and parameters; memory is that of the largest model."""
    data, part = _data(config, context)
    shares = data.facts.get("num_documents" if data.kind == "corpus" else "num_examples", {})
    num_held_out = int(shares.get(part, 0))
    if shares and not num_held_out:
        raise _no_rows(data, part)
    num_rows = min(num_held_out, config.rows or num_held_out)
    share = num_rows / max(1, sum(shares.values()))
    characters = data.facts.get("num_characters", 0)
    num_characters = sum(characters.values()) if isinstance(characters, dict) else characters
    num_tokens = min(num_characters * share / CHARACTERS_PER_TOKEN, num_rows * config.length)
    sizes = [float(model.facts.get("num_parameters", 0)) for model in context.inputs["models"]]
    task = _task(context)
    if task in ("masked_lm", "pretraining"):
        num_tokens *= NUM_FOLDS
    num_steps = config.generations.max_new_tokens if config.generations.rows and task == "causal_lm" else 0
    seconds_per_billion = num_tokens / TOKENS_PER_SECOND_AND_BILLION + num_steps * SECONDS_PER_STEP_AND_BILLION
    seconds = sum(seconds_per_billion * size / 1e9 + LOAD_SECONDS for size in sizes)
    _, weight_bytes = _precision(config)
    beside_weights = max(FILE_BYTES_PER_WEIGHT * max(sizes), num_usable_cores() * PASS_BYTES)
    return Estimate(
        seconds=slowness() * seconds,
        peak_memory_bytes=int(BYTES_BEFORE_MODEL + weight_bytes * max(sizes) + beside_weights),
        disk_bytes=100_000 + 64 * num_rows * len(sizes),
        notes=[
            f"{num_rows:,} rows of {data.name}.{part} are scored by {len(sizes)} models, one model at a time",
            *(["they are looked for in what the models were trained on"] if config.contamination else []),
        ],
        facts={
            **_foretold([model.name for model in context.inputs["models"]], num_rows, task),
            **({"contamination": _foretold_contamination(context)} if config.contamination else {}),
        },
    )


def run(config: EvaluateConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Write ``report.json``, ``report.html``, ``rows.parquet`` and ``generations.json``."""
    if _task(context) == "classification":
        return _run_classifiers(config, context, out)
    from danlu.evaluation.contamination import row_text
    from danlu.evaluation.evaluate import evaluate
    from danlu.evaluation.report import write_report
    from danlu.evaluation.rows import read_rows
    from danlu.evaluation.without_seen import with_losses
    from danlu.overlap.rows import TextRow

    data, part = _data(config, context)
    examples = read_rows(data, part)[: config.rows]
    if not examples:
        raise _no_rows(data, part)
    precision, _ = _precision(config)
    if _task(context) != "causal_lm":
        if "generations" in config.model_fields_set and config.generations.rows:
            context.reporter.warn("generations: encoders guess hidden tokens and write nothing, so it is not used.")
        config = config.model_copy(update={"generations": GenerationsConfig(rows=0)})
    results = evaluate(config, context, examples, f"{data.name}.{part}", precision)
    if config.contamination:
        texts = {row["id"]: row_text(row) for row in examples}
        rows = [TextRow(row_id, texts[row_id], f"{data.name}.{part}") for row_id in results.row_ids]
        results = with_losses(results, _look_for(rows, config.contamination, context), config.bootstrap)
    write_report(results, out)
    context.reporter.say(results.summary)
    return results.facts()


def _look_for(rows: Sequence[TextRow], config: ContaminationConfig, context: StageContext) -> Contamination:
    """The rows in what the models were trained on; says how many each saw."""
    from danlu.evaluation.contamination import look_for

    models = {model.name: model.artifact for model in context.inputs["models"] if model.artifact is not None}
    found = look_for(rows, models, config, context.store, context.reporter)
    for name, model in found.models.items():
        if model.seen:
            context.reporter.warn(
                f"{name} was trained on {len(model.seen):,} of {len(rows):,} held-out rows; the report has the scores"
                " without them."
            )
        elif model.num_documents:
            context.reporter.say(f"{name}: none of the held-out rows is in {model.num_documents:,} training documents.")
    return found


def _run_classifiers(config: EvaluateConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Write ``report.json``, ``report.html`` and ``rows.parquet``."""
    from danlu.evaluation.classification.evaluate import evaluate_classifiers
    from danlu.evaluation.classification.report import write_report
    from danlu.evaluation.contamination import row_text
    from danlu.evaluation.rows import read_rows
    from danlu.evaluation.without_seen import with_accuracies
    from danlu.overlap.rows import TextRow

    data, part = _data(config, context)
    precision, _ = _precision(config)
    results = evaluate_classifiers(config, context, data, part, precision)
    if config.contamination:
        texts = {row["id"]: row_text(row) for row in read_rows(data, part)}
        rows = [TextRow(row_id, texts[row_id], f"{data.name}.{part}") for row_id in results.row_ids]
        results = with_accuracies(results, _look_for(rows, config.contamination, context))
    write_report(results, out)
    context.reporter.say(results.summary)
    return results.facts()


def _task(context: StageContext) -> Task:
    """What the models are for.

    Raises:
        UserError: for different things.
    """
    tasks = {model.name: task_of(model.facts.get("config") or {}) for model in context.inputs["models"]}
    kinds = {"masked_lm" if task == "pretraining" else task for task in tasks.values()}
    if len(kinds) > 1:
        raise UserError(
            f"The models cannot be compared: {', '.join(f'{name} is for {task}' for name, task in tasks.items())}.",
            "Evaluate models of each kind in a stage of their own.",
        )
    return next(iter(tasks.values()))


def _foretold(models: list[str], num_rows: int, task: Task) -> dict[str, Any]:
    """The names of the facts, with None for what only the run can tell."""
    by_model = dict.fromkeys(models)
    if task == "classification":
        names = ("mean", "interval", "p_value")
        return {
            **dict.fromkeys(("accuracy", "accuracy_interval", "macro_f1", "macro_f1_interval"), by_model),
            "majority_accuracy": None,
            "above_majority": {model: dict.fromkeys(names) for model in models},
            "difference": {model: dict.fromkeys(names) for model in models[1:]},
            "num_rows": num_rows,
            "num_dropped": None,
        }
    return {
        **dict.fromkeys(("loss", "loss_interval", "perplexity", "perplexity_interval"), by_model),
        "difference": {model: dict.fromkeys(("mean", "interval", "p_value")) for model in models[1:]},
        "num_rows": num_rows,
        "num_tokens": None,
        "num_dropped": None,
    }


def _foretold_contamination(context: StageContext) -> dict[str, Any]:
    names = ("num_seen", "loss", "loss_without_seen", "accuracy", "accuracy_without_seen")
    return {model.name: dict.fromkeys(names) for model in context.inputs["models"]}


def _data(config: EvaluateConfig, context: StageContext) -> tuple[Input, str]:
    data = context.input("data")
    return data, data.part or "test"


def _no_rows(data: Input, part: str) -> UserError:
    return UserError(
        f"The part {part!r} of {data.name!r} holds no rows to evaluate on.",
        f"Give the {part} split a larger share where {data.name!r} is made, or name another part.",
    )


def _precision(config: EvaluateConfig) -> tuple[str, int]:
    """Number format of the weights, and its size in bytes."""
    from danlu.hardware.machine import supports_fast_bfloat16

    wanted = config.precision
    if wanted == "auto":
        wanted = "bfloat16" if supports_fast_bfloat16() else "float32"
    return wanted, 2 if wanted == "bfloat16" else 4
