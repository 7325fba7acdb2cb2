"""``do: train``: packed tokens and a model in, a trained model (or adapter) out."""

from __future__ import annotations

import math
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch

from danlu.artifacts.stage import Estimate, Input, StageContext
from danlu.models.adapters import save_adapter
from danlu.models.chat import ensure_chat_template
from danlu.models.compiling import is_for_compiling
from danlu.models.files import save_config, save_tokenizer
from danlu.models.flops import TrainingFlops
from danlu.models.load import load_tokenizer
from danlu.models.preview import preview_row
from danlu.models.tasks import class_names, task_of
from danlu.telemetry.metrics import MetricsWriter
from danlu.training.budget import budget_notes, flops_of, steps_of, steps_within
from danlu.training.calibration import decide_steps, say_whether_it_held
from danlu.training.checkpoint import Checkpoints
from danlu.training.companions import Companions, check_validation, companion_notes
from danlu.training.compilation import choose_attention
from danlu.training.config import TrainConfig
from danlu.training.cost import foretold_pace, most_checkpoints, takes_checkpoints, training_cost
from danlu.training.data import TrainingData
from danlu.training.data_notes import data_notes
from danlu.training.gradients import finish_gradients
from danlu.training.loop import Observer, train
from danlu.training.objectives.table import task_for
from danlu.training.observers import ShowProgress, Throughput, Validate, WriteMetrics
from danlu.training.optimizer import make_optimizer, trained_parameters
from danlu.training.optimizers.groups import check_group_patterns, group_notes, parameter_groups
from danlu.training.rows.row import Row
from danlu.training.schedule import make_learning_rate
from danlu.training.setup import (
    load_trainable,
    make_scaler,
    passes_over,
    weightless_trainable,
)

VERSION = 3
PREPARES = False


def plan(config: TrainConfig, context: StageContext) -> Estimate:
    """Time and memory by a probe of the first micro-batch; the data by looking at it."""
    model, data = context.input("model"), TrainingData.open(config, context)
    attention = choose_attention(config, data)
    whole = weightless_trainable(data.model_config, config)
    check_group_patterns(whole, config.optimizer)
    check_validation(config, data.num_validation_tokens)
    cost = training_cost(
        config,
        data.model_config,
        model.facts["num_parameters"],
        data.full_size(),
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
    return Estimate(
        seconds=seconds,
        peak_memory_bytes=cost.peak_memory_bytes + copied_bytes,
        disk_bytes=artifact_bytes + most_checkpoints(config.checkpoint, num_steps) * cost.checkpoint_bytes,
        notes=[
            *data_notes(data, batches, num_steps),
            *budget_notes(config.budget, num_steps, flops_of(flops, batches, num_steps)),
            f"{cost.num_trained_parameters:,} of {model.facts['num_parameters']:,} parameters are trained",
            *group_notes(parameter_groups(whole, config.optimizer)),
            *companion_notes(config),
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
    started = time.perf_counter()
    model_input, data = context.input("model"), TrainingData.open(config, context)
    held_out = data.held_out()
    attention = choose_attention(config, data)
    check_validation(config, len(held_out))
    num_steps = steps_of(
        config.budget,
        data.batches,
        flops=lambda: TrainingFlops.of(weightless_trainable(data.model_config, config)),
        steps_in_time=lambda seconds: decide_steps(config, context, data, held_out, attention, seconds, started),
    )
    batches = data.batches(num_steps)

    model = load_trainable(model_input.path, config, attention, data.model_changes)
    check_group_patterns(model, config.optimizer)
    optimizer = make_optimizer(model, config.optimizer)
    companions = Companions.of(config, model, optimizer)
    scaler = make_scaler(config)
    torch.manual_seed(config.seed)
    checkpoints = Checkpoints(
        context.checkpoints,
        context.directory / "kept",
        config.checkpoint,
        fingerprint=data.fingerprint,
        reporter=context.reporter,
        companions=companions.stateful | ({"loss_scale": scaler} if scaler.is_enabled() else {}),
    )
    first_step = checkpoints.restore(model, optimizer)
    if first_step:
        context.reporter.say(f"Going on from the checkpoint of step {first_step} of {num_steps}.")

    throughput = Throughput()
    with (
        checkpoints,
        closing(MetricsWriter(context.directory, first_step + 1)) as writer,
        context.stop.put_off(),
        passes_over(model, config) as passes,
        context.reporter.progress("training", batches.num_tokens(num_steps), "tokens") as task,
    ):
        validate = partial(passes.mean_loss, held_out)
        task.advance(batches.num_tokens(first_step))
        observers: list[Observer] = [*companions.observers, ShowProgress(task), WriteMetrics(writer), throughput]
        if len(held_out) and config.validate_every_steps:
            observers.append(
                Validate(
                    validate, config.validate_every_steps, num_steps, writer, companions.shown, companions.listeners
                )
            )
        steps_started = time.perf_counter()
        steps_made = train(
            model=model,
            passes=passes,
            batches=batches,
            optimizer=optimizer,
            learning_rate=make_learning_rate(config.schedule, num_steps, companions.plateau),
            finish_gradients=partial(
                finish_gradients,
                max_norm=config.max_gradient_norm,
                max_value=config.max_gradient_value,
                regularisation=config.regularisation,
            ),
            num_steps=num_steps,
            checkpoints=checkpoints,
            observers=observers,
            should_stop=lambda: context.stop.requested or companions.should_stop(),
            first_step=first_step,
            scaler=scaler,
        )
        steps_seconds = time.perf_counter() - steps_started
        if context.stop.requested:
            checkpoints.save_last(steps_made, model, optimizer)
            context.stop.now(f"{context.name} is saved up to step {checkpoints.newest_step} of {num_steps}")
    say_whether_it_held(context.directory, batches, first_step, steps_made, steps_seconds, context.reporter)
    companions.say_how_it_ended(steps_made, num_steps, context.reporter)
    with companions.final():
        save(model, model_input, config, out)
    return {
        **model_input.facts,
        **_changed_facts(model, data),
        "base": model_input.name,
        "num_steps": steps_made,
        "num_tokens_trained": batches.num_tokens(steps_made),
        "flops": flops_of(TrainingFlops.of(model), batches, steps_made),
        "num_trained_parameters": sum(parameter.numel() for parameter in trained_parameters(model)),
        "last_loss": throughput.last_loss if math.isfinite(throughput.last_loss) else None,
        "tokens_per_second": throughput.tokens_per_second,
        "num_threads": torch.get_num_threads(),
    }


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
