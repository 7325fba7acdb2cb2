"""One training from its settings to trained weights, on one process or as one of several ranks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from danlu.artifacts.stage import StageContext
from danlu.hardware.machine import default_device
from danlu.models.flops import TrainingFlops
from danlu.telemetry.allocator import freed_memory_kept
from danlu.telemetry.metrics import MetricsWriter
from danlu.training.budget import flops_of, steps_of
from danlu.training.calibration import decide_steps, say_whether_it_held
from danlu.training.checkpoint import Checkpoints
from danlu.training.companions import Companions, check_validation
from danlu.training.compilation import choose_attention
from danlu.training.config import TrainConfig
from danlu.training.data import TrainingData
from danlu.training.health.health import Health
from danlu.training.health.sinks import open_sinks
from danlu.training.held import Held, hold
from danlu.training.loop import AnyPasses, Observer
from danlu.training.observers import Throughput
from danlu.training.optimizer import make_optimizer, trained_parameters
from danlu.training.optimizers.groups import check_group_patterns
from danlu.training.parallel.apart import Apart
from danlu.training.setup import load_trainable, make_scaler, passes_over, weightless_trainable
from danlu.training.steps import Parts, make_steps
from danlu.training.world import World


@dataclass(frozen=True)
class Fitted:
    """A training that has come to its end."""

    model: Any
    """With the final weights in place; on a rank of several, what is left of it there."""
    held: Held
    facts: dict[str, Any]
    """Of the training."""


@contextmanager
def fitted(
    config: TrainConfig, context: StageContext, world: World, watcher: Observer | None = None
) -> Iterator[Fitted]:
    """Train, going on from the newest valid checkpoint if there is one. All ranks call this together.

    Args:
        config: Of the stage.
        context: Of the stage.
        world: All ranks.
        watcher: Sees every step, too.

    Raises:
        UserError: data, model and settings do not go together, or a loss is not finite.
        Stopped: by a signal; everything up to then is saved.
    """
    started = time.perf_counter()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    data = TrainingData.open(config, context)
    held_out = data.held_out()
    attention = choose_attention(config, data)
    check_validation(config, len(held_out))
    whole = weightless_trainable(data.model_config, config)
    check_group_patterns(whole, config.optimizer)
    num_steps = steps_of(
        config.budget,
        data.batches,
        flops=lambda: TrainingFlops.of(whole),
        steps_in_time=lambda seconds: decide_steps(config, context, data, held_out, attention, seconds, started),
    )
    batches = data.batches(num_steps)

    # FSDP2 takes one layer after the other to the GPU, so that it never holds all of them.
    device = "cpu" if config.parallel.is_sharded else default_device()
    model = load_trainable(context.input("model").path, config, attention, data.model_changes, device=device)
    with _taken_apart(model, config, world) as (held, passes):
        optimizer = make_optimizer(whole, config.optimizer, held)
        companions = Companions.of(config, held.tensors, optimizer)
        scaler = make_scaler(config)
        apart = Apart(config.apart, held, num_steps) if config.apart else None
        health = Health(config.health, context.directory, context.reporter, writes=world.is_first)
        checkpoints = Checkpoints(
            context.checkpoints,
            context.directory / "kept",
            config.checkpoint,
            fingerprint=data.fingerprint,
            reporter=context.reporter,
            companions={
                **companions.stateful,
                **health.stateful,
                **({"loss_scale": scaler} if scaler.is_enabled() else {}),
                **({"outer": apart.outer} if apart else {}),
            },
            has_copies=config.apart is not None,
            world=world,
        )
        first_step = checkpoints.restore(held, optimizer)
        if first_step:
            context.reporter.say(f"Going on from the checkpoint of step {first_step} of {num_steps}.")
        parts = Parts(
            config,
            context,
            held_out,
            batches,
            num_steps,
            whole,
            held,
            passes,
            optimizer,
            companions,
            scaler,
            health,
            apart,
            checkpoints,
        )
        throughput = Throughput()
        with (
            checkpoints,
            _writer(config, context, first_step, world) as writer,
            context.stop.put_off(),
            context.reporter.progress("training", batches.num_tokens(num_steps), "tokens") as task,
        ):
            task.advance(batches.num_tokens(first_step))
            steps_started = time.perf_counter()
            steps_made = make_steps(
                parts, first_step, writer, task, own=[watcher] if watcher else [], shown=[throughput]
            )
            steps_seconds = time.perf_counter() - steps_started
            if world.any(context.stop.requested):
                checkpoints.save_last(steps_made, held, optimizer)
                context.stop.now(f"{context.name} is saved up to step {checkpoints.newest_step} of {num_steps}")
        say_whether_it_held(context.directory, batches, first_step, steps_made, steps_seconds, context.reporter)
        companions.say_how_it_ended(steps_made, num_steps, context.reporter)
        facts = {
            "num_steps": steps_made,
            "num_tokens_trained": batches.num_tokens(steps_made),
            "flops": flops_of(TrainingFlops.of(whole), batches, steps_made),
            "num_trained_parameters": sum(parameter.numel() for parameter in trained_parameters(whole)),
            "last_loss": throughput.last_loss if math.isfinite(throughput.last_loss) else None,
            "tokens_per_second": throughput.tokens_per_second,
            "num_threads": torch.get_num_threads(),
            **({"peak_gpu_bytes": torch.cuda.max_memory_reserved()} if torch.cuda.is_available() else {}),
            **({"num_bytes_handed_in": apart.num_bytes} if apart else {}),
        }
    with companions.final():
        yield Fitted(model, held, facts)


@contextmanager
def _taken_apart(model: Any, config: TrainConfig, world: World) -> Iterator[tuple[Held, AnyPasses]]:
    """What this rank holds of the model, and the passes over it."""
    if world.mesh is None:
        with passes_over(model, config) as passes:
            yield hold(model), passes
        return
    from danlu.training.parallel.taking_apart import take_apart

    with freed_memory_kept(), take_apart(model, config, world) as taken:  # torch's parts for it take time to import
        yield taken


@contextmanager
def _writer(
    config: TrainConfig, context: StageContext, first_step: int, world: World
) -> Iterator[MetricsWriter | None]:
    """Of the metrics, on the first rank."""
    if not world.is_first:
        yield None
        return
    with (
        open_sinks(config.sinks, config.alerts, context) as sinks,
        closing(MetricsWriter(context.directory, first_step + 1, sinks)) as writer,
    ):
        yield writer
