"""What a training stage will take, before it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from danlu.hardware.machine import default_device
from danlu.models.compiling import is_for_compiling
from danlu.models.head import CHUNK_TOKENS, TRAINED_CHUNK_TOKENS
from danlu.models.precision import compute_dtype
from danlu.models.probe import SHALLOW, at_depth, config_from, measure_cost
from danlu.telemetry.allocator import release_memory
from danlu.training.batches import Batch
from danlu.training.calibration import timed_seconds
from danlu.training.companions import num_copies, num_passing_copies
from danlu.training.config import TrainConfig
from danlu.training.optimizer import make_optimizer, state_bytes, trained_parameters
from danlu.training.pace import Pace
from danlu.training.passes import Passes
from danlu.training.settings import CheckpointSettings
from danlu.training.setup import make_passes, micro_batch_workers, shallow_trainable, weight_dtype

FLOAT32_BYTES = 4
ALLOCATOR_FACTOR = {True: 1.25, False: 1.35}
"""What glibc's allocator holds over what autograd keeps, with layers compiled and not, which take pieces of more
sizes; with one arena per core and freed memory kept. Measured over the twelve trainings of `make bench-plan`."""
ROUNDS = 2
"""How many micro-batches each worker takes in the probe."""
FORWARD_SHARE = 1 / 3
"""Of the time of a forward and backward pass: the backward pass has two products for each of the forward pass."""
LOAD_SECONDS_PER_GB = 3.0
"""Reading safetensors and putting the adapter on, per 10^9 parameters' bytes in the file."""


@dataclass(frozen=True)
class TrainingCost:
    """On one process."""

    seconds_per_token: float
    loading_seconds: float
    held_bytes: int
    """By the process, before there is a model: libraries."""
    weight_bytes: int
    """Weights, and the rounded copy that the passes run over."""
    trained_bytes: int
    """What the optimizer moves, gradients, states and averages."""
    passing_bytes: int
    """Of the micro-batches that are under way at once."""
    micro_batches_at_once: int
    checkpoint_bytes: int
    """Of one."""
    copy_bytes: int
    """What its copy in memory adds to the peak: it takes first what the allocator holds too much."""
    num_trained_parameters: int

    @property
    def peak_memory_bytes(self) -> int:
        """Without the copy from which a checkpoint is written."""
        return self.held_bytes + self.gpu_bytes

    @property
    def gpu_bytes(self) -> int:
        """What of it is a GPU's memory, where there is one."""
        return self.weight_bytes + self.trained_bytes + self.passing_bytes


def training_cost(
    settings: TrainConfig,
    model_config: dict[str, Any],
    num_parameters: int,
    first: Batch,
    attention: str | None,
    num_trained: int,
) -> TrainingCost:
    """Time and memory of training, from a probe of the `first` batch on shallow copies of the model.

    Memory is the sum of: what the process holds already, weights, what is trained (weight, gradient, copies such as an
    average, in float32, and the optimizer's state), and for each micro-batch under way at once what autograd keeps, as
    much again for the layer at work, its gradient, and what the loss takes; one gradient waits to be added up where a
    step has more micro-batches than are under way at once. What is frozen by name is not counted as trained, but takes
    part in the probe, so its time is that of training everything.
    """
    config = config_from(model_config)
    probed = _probe(settings, model_config, first, attention)
    release_memory()
    held_bytes = psutil.Process().memory_info().rss  # with the libraries warmed up by the probe
    weight_bytes = num_parameters * weight_dtype(settings).itemsize
    share = num_trained / probed.num_trained  # what is not frozen by name
    state_bytes = share * probed.state_bytes
    held_copies, passing_copies = num_copies(settings), num_passing_copies(settings)
    trained_copies = (2 if settings.adapter else 1) + held_copies + passing_copies
    pass_dtype = compute_dtype(settings.precision)
    if pass_dtype != weight_dtype(settings):  # the rounded copy
        weight_bytes += num_parameters * pass_dtype.itemsize
    trained_bytes = int(num_trained * FLOAT32_BYTES * trained_copies + state_bytes)
    gradient_bytes = num_trained * (FLOAT32_BYTES if settings.adapter else pass_dtype.itemsize)
    layer_bytes = probed.activation_bytes / config.num_hidden_layers
    kept_bytes = probed.activation_bytes + layer_bytes + gradient_bytes
    is_compiled = is_for_compiling(attention)
    loss_bytes = _loss_bytes(settings, config, pass_dtype, is_compiled=is_compiled)
    spare_bytes = 0.0 if default_device() == "cuda" else (ALLOCATOR_FACTOR[is_compiled] - 1) * kept_bytes
    passing_bytes = probed.micro_batches_at_once * (kept_bytes + spare_bytes + loss_bytes)
    if len(first.micro_batches) > probed.micro_batches_at_once:
        passing_bytes += gradient_bytes
    checkpoint_bytes = int(num_trained * FLOAT32_BYTES * (1 + held_copies) + state_bytes)
    return TrainingCost(
        seconds_per_token=probed.seconds_per_token,
        loading_seconds=num_parameters * FLOAT32_BYTES / 1e9 * LOAD_SECONDS_PER_GB,
        held_bytes=held_bytes,
        weight_bytes=weight_bytes,
        trained_bytes=trained_bytes,
        passing_bytes=int(passing_bytes),
        micro_batches_at_once=probed.micro_batches_at_once,
        checkpoint_bytes=checkpoint_bytes,
        copy_bytes=max(0, int(checkpoint_bytes - probed.micro_batches_at_once * spare_bytes)),
        num_trained_parameters=num_trained,
    )


def gpu_notes(cost: TrainingCost) -> list[str]:
    """What a training takes of the GPU's memory, for people; nothing where there is none."""
    if default_device() != "cuda":
        return []
    total = torch.cuda.get_device_properties(0).total_memory
    return [f"takes about {cost.gpu_bytes / 2**30:.1f} of the GPU's {total / 2**30:.1f} GiB"]


def _loss_bytes(settings: TrainConfig, config: Any, pass_dtype: torch.dtype, *, is_compiled: bool) -> int:
    """What the loss of a chunk of tokens takes at most: logits and slopes, and a part of the head's gradient."""
    text_config = config.get_text_config()
    vocabulary, hidden_size = int(text_config.vocab_size), int(text_config.hidden_size)
    # Not compiled, the slopes are made in float32, beside products and slopes in the dtype of the passes.
    per_logit = 2 * pass_dtype.itemsize + (0 if is_compiled or pass_dtype == torch.float32 else FLOAT32_BYTES)
    if settings.adapter:
        return CHUNK_TOKENS * vocabulary * per_logit
    return TRAINED_CHUNK_TOKENS * vocabulary * per_logit + vocabulary * hidden_size * pass_dtype.itemsize


def foretold_pace(settings: TrainConfig, cost: TrainingCost, num_validation_tokens: int) -> Pace:
    """How long training takes, from what the probe found."""
    before = cost.loading_seconds
    if settings.budget.minutes is not None:
        before += cost.loading_seconds + timed_seconds(60 * settings.budget.minutes)
    return Pace(
        seconds_per_token=cost.seconds_per_token,
        seconds_per_step=0.0,
        validation_seconds=num_validation_tokens * cost.seconds_per_token * FORWARD_SHARE,
        validate_every_steps=settings.validate_every_steps,
        seconds_before=before,
    )


def takes_checkpoints(settings: CheckpointSettings, num_steps: int, seconds: float) -> bool:
    """Whether the training is long enough for one; if so, a copy of its state is held in memory from then on."""
    by_steps = (every for every in (settings.every_steps, settings.keep_every_steps) if every)
    by_clock = settings.effective_every_seconds
    return any(every < num_steps for every in by_steps) or (by_clock is not None and by_clock <= seconds)


def most_checkpoints(settings: CheckpointSettings, num_steps: int) -> int:
    """How many are on the disk at once at most, with the one that is being written."""
    num_kept = (num_steps - 1) // settings.keep_every_steps if settings.keep_every_steps else 0
    return settings.keep + 1 + num_kept


@dataclass(frozen=True)
class Probed:
    """What was found on shallow copies, at full depth."""

    seconds_per_token: float
    activation_bytes: int
    micro_batches_at_once: int
    num_trained: int
    state_bytes: int
    """Of the optimizer."""


def _probe(settings: TrainConfig, model_config: dict[str, Any], batch: Batch, attention: str | None) -> Probed:
    """Make optimizer steps on a part of `batch`: `ROUNDS` micro-batches for each worker."""
    config = config_from(model_config)
    largest = max(batch.micro_batches, key=lambda micro: micro.num_tokens)
    num_trained: list[int] = []
    optimizer_bytes: list[int] = []

    with micro_batch_workers(shallow_trainable(model_config, settings, attention, SHALLOW)) as pool:
        at_once = min(pool.count, len(batch.micro_batches)) if pool else 1
        part = replace(batch, micro_batches=batch.micro_batches[: ROUNDS * at_once])

        def make(num_layers: int) -> tuple[Any, Passes]:
            model = shallow_trainable(model_config, settings, attention, num_layers)
            num_trained.append(sum(parameter.numel() for parameter in trained_parameters(model)))
            return model, make_passes(model, settings, pool)

        def step(made: tuple[Any, Passes]) -> None:
            model, passes = made
            passes.accumulate_gradients(part)
            torch.nn.utils.clip_grad_norm_(passes.trained, settings.max_gradient_norm)
            optimizer = make_optimizer(model, settings.optimizer)
            optimizer.step()
            if len(optimizer_bytes) < len(num_trained):
                optimizer_bytes.append(state_bytes(optimizer))
            model.zero_grad()

        cost = measure_cost(
            config, make, step, one_pass=lambda made: made[1].one(largest), weights=lambda made: made[1].parameters()
        )
    return Probed(
        seconds_per_token=cost.seconds / sum(micro.num_tokens for micro in part.micro_batches),
        activation_bytes=cost.activation_bytes,
        micro_batches_at_once=at_once,
        num_trained=int(at_depth(num_trained, config.num_hidden_layers)),
        state_bytes=int(at_depth(optimizer_bytes, config.num_hidden_layers)),
    )
