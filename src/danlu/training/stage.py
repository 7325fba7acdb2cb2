"""``do: train``: packed tokens and a model in, a trained model (or adapter) out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Estimate, Input, StageContext
from danlu.hardware.machine import num_usable_cores
from danlu.models.adapters import save_adapter
from danlu.models.chat import ensure_chat_template
from danlu.models.compiling import is_for_compiling
from danlu.models.files import save_config, save_tokenizer
from danlu.models.flops import TrainingFlops
from danlu.models.load import load_tokenizer
from danlu.models.preview import preview_row
from danlu.models.tasks import class_names, task_of
from danlu.training.budget import budget_notes, flops_of, steps_of, steps_within
from danlu.training.companions import check_validation, companion_notes
from danlu.training.compilation import choose_attention
from danlu.training.config import TrainConfig
from danlu.training.cost import foretold_pace, gpu_notes, most_checkpoints, takes_checkpoints, training_cost
from danlu.training.data import TrainingData
from danlu.training.data_notes import data_notes
from danlu.training.fitting import fitted
from danlu.training.objectives.table import task_for
from danlu.training.optimizer import trained_parameters
from danlu.training.optimizers.groups import check_group_patterns, group_notes, parameter_groups
from danlu.training.parallel.checks import check_layout
from danlu.training.parallel.choosing import chosen
from danlu.training.parallel.cost import START_SECONDS, memory_on_ranks
from danlu.training.parallel.launching import fit_on_ranks
from danlu.training.parallel.team import Team, team
from danlu.training.parallel.teamwork import fit_with_team
from danlu.training.rows.row import Row
from danlu.training.setup import weightless_trainable
from danlu.training.world import World

VERSION = 4
PREPARES = False


def plan(config: TrainConfig, context: StageContext) -> Estimate:
    """Time and memory by a probe of the first micro-batch; the data by looking at it."""
    model, data = context.input("model"), TrainingData.open(config, context)
    attention = choose_attention(config, data)
    whole = weightless_trainable(data.model_config, config)
    config, why = _laid_out(config, data, whole)
    check_group_patterns(whole, config.optimizer)
    check_validation(config, data.num_validation_tokens)
    cost = training_cost(
        config,
        data.model_config,
        model.facts["num_parameters"],
        data.full_size().at(0),
        attention,
        sum(parameter.numel() for parameter in trained_parameters(whole)),
    )
    flops = TrainingFlops.of(whole)
    pace = foretold_pace(config, cost, data.num_validation_tokens)
    num_steps = steps_of(
        config.budget, data.batches, flops=lambda: flops, steps_in_time=partial(steps_within, pace, data.batches)
    )
    batches = data.batches(num_steps)
    num_tokens = batches.num_tokens(num_steps)
    artifact_bytes = 4 * (cost.num_trained_parameters if config.adapter else model.facts["num_parameters"])
    seconds = pace.seconds(num_steps, num_tokens)
    copied_bytes = cost.copy_bytes if takes_checkpoints(config.checkpoint, num_steps, seconds) else 0
    peak_bytes = cost.peak_memory_bytes
    if config.parallel.needs_ranks:
        peak_bytes = memory_on_ranks(cost, config.parallel, num_usable_cores())
        seconds += START_SECONDS
    return Estimate(
        seconds=seconds,
        peak_memory_bytes=peak_bytes + copied_bytes,
        disk_bytes=artifact_bytes + most_checkpoints(config.checkpoint, num_steps) * cost.checkpoint_bytes,
        notes=[
            *data_notes(data, batches, num_steps),
            *budget_notes(config.budget, num_steps, flops_of(flops, batches, num_steps)),
            f"{cost.num_trained_parameters:,} of {model.facts['num_parameters']:,} parameters are trained",
            *group_notes(parameter_groups(whole, config.optimizer)),
            *companion_notes(config),
            *([why] if why else []),
            *([] if config.parallel.needs_ranks else gpu_notes(cost)),
            *(["layers are compiled, once per kind of machine"] if is_for_compiling(attention) else []),
            *_head_notes(config, model),
        ],
        facts={
            **model.facts,
            **_changed_facts(whole, data),
            "base": model.name,
            "num_steps": num_steps,
            "num_tokens_trained": num_tokens,
        },
        preview=_preview(model, batches.rows.row(0)),
    )


def _head_notes(config: TrainConfig, model: Input) -> list[str]:
    task = task_for(config)
    if task == task_of(model.facts["config"]):
        return []
    return [f"what the head for {task.replace('_', ' ')} has and {model.name} lacks begins with random weights"]


def _changed_facts(model: Any, data: TrainingData) -> dict[str, Any]:
    """What dropout and an encoder's head change about the facts of the model."""
    task = task_for(data.config)
    if data.config.adapter is not None:
        return {}
    if task == "causal_lm":
        return {"config": data.model_config}
    config = {**data.model_config, "architectures": [type(model).__name__]}
    facts = {"task": task, "config": config, "num_parameters": model.num_parameters()}
    return {**facts, "labels": class_names(config)} if task == "classification" else facts


def _preview(model: Input, row: Row) -> str | None:
    """What the model is shown; None while it has no tokenizer, since it has not been made."""
    if model.artifact is None:
        return None
    seen = row.input_ids if row.seen is None else row.seen
    return preview_row(load_tokenizer(model.path), seen, row.supervised, row.document_lengths)


def run(config: TrainConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Train, going on from the newest valid checkpoint if there is one."""
    base, data, others = context.input("model"), TrainingData.open(config, context), team()
    whole = weightless_trainable(data.model_config, config)
    config, why = _laid_out(config, data, whole, others)
    if why:
        context.reporter.say(f"{why}.")
    if others is not None:
        facts, model = fit_with_team(config, context, others)
        save(model, base, config, out)
    elif config.parallel.needs_ranks:
        facts, model = fit_on_ranks(config, context)
        save(model, base, config, out)
    else:
        with fitted(config, context, World()) as done:
            facts = done.facts
            save(done.model, base, config, out)
    return {
        **base.facts,
        **_changed_facts(whole, data),
        "base": base.name,
        **facts,
    }


def _laid_out(
    config: TrainConfig, data: TrainingData, whole: Any, others: Team | None = None
) -> tuple[TrainConfig, str | None]:
    """The settings with the layout that is taken, and why it is this one if that was left open."""
    num_trained = sum(parameter.numel() for parameter in trained_parameters(whole))
    size = others.size if others else None
    layout, why = chosen(config, data.model_config, whole.num_parameters(), num_trained, size)
    config = config.model_copy(update={"parallel": layout})
    check_layout(config, data.model_config)
    return config, why


def save(model: Any, base: Input, config: TrainConfig, out: Path) -> None:
    """Write the adapter (or the whole model) with the tokenizer it was trained with."""
    tokenizer = load_tokenizer(base.path)
    if config.objective == "sft":
        ensure_chat_template(tokenizer)  # the one that conversations were rendered with
    save_tokenizer(tokenizer, out)
    if config.adapter:
        assert base.artifact is not None
        save_adapter(model, out, base_name=base.facts.get("hub_id") or f"danlu:{base.artifact.id}")
    else:
        model.save_pretrained(str(out), safe_serialization=True)
        save_config(model.config, out)
