"""What a training stage will take, before it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from danlu.models.head import CHUNK_TOKENS
from danlu.models.probe import DEEP, SHALLOW, at_depth, config_from, measure_cost
from danlu.telemetry.resources import release_memory
from danlu.training.batches import Batch, BatchStream
from danlu.training.config import TrainConfig
from danlu.training.loop import accumulate_gradients
from danlu.training.optimizer import make_optimizer, trained_parameters
from danlu.training.setup import micro_batch_workers, objective_for, shallow_trainable, weight_dtype

FLOAT32_BYTES = 4
ALLOCATOR_FACTOR = 1.35
"""What glibc's allocator holds over what is in use, with one arena per worker. Measured with rows of 256 and 512
tokens, ranks of 16 and 64, in bf16 and fp32."""
ROUNDS = 2
"""How many micro-batches each worker takes in the probe."""
LOAD_SECONDS_PER_GB = 3.0
"""Reading safetensors and putting the adapter on, per 10^9 parameters' bytes in the file."""


@dataclass(frozen=True)
class TrainingCost:
    seconds: float
    peak_memory_bytes: int
    checkpoint_bytes: int
    num_trained_parameters: int


def training_cost(
    settings: TrainConfig,
    model_config: dict[str, Any],
    num_parameters: int,
    batches: BatchStream,
    num_steps: int,
    attention: str | None,
    num_tokens: int,
) -> TrainingCost:
    """Time and memory of `num_steps` steps, from a probe of the real first batch on shallow copies of the model.

    Memory is the sum of: what the process holds already, weights, what is trained (weight, gradient and AdamW's two
    moments in float32), and for each micro-batch under way at once what autograd keeps, its gradient, and a chunk of
    logits with its slopes.
    """
    config = config_from(model_config)
    probed = _probe(settings, model_config, batches.at(0), attention)
    release_memory()
    held_bytes = psutil.Process().memory_info().rss  # with the libraries warmed up by the probe
    weight_bytes = num_parameters * torch.finfo(weight_dtype(settings)).bits // 8
    trained_bytes = probed.num_trained * FLOAT32_BYTES * (4 if settings.adapter else 3)
    logit_bytes = 3 * CHUNK_TOKENS * config.get_text_config().vocab_size * FLOAT32_BYTES
    passing_bytes = probed.activation_bytes + probed.num_trained * FLOAT32_BYTES + logit_bytes
    return TrainingCost(
        seconds=num_tokens * probed.seconds_per_token + num_parameters * FLOAT32_BYTES / 1e9 * LOAD_SECONDS_PER_GB,
        peak_memory_bytes=held_bytes
        + weight_bytes
        + trained_bytes
        + int(ALLOCATOR_FACTOR * probed.micro_batches_at_once * passing_bytes),
        checkpoint_bytes=(settings.checkpoint.keep + 1) * probed.num_trained * FLOAT32_BYTES * 3,
        num_trained_parameters=probed.num_trained,
    )


@dataclass(frozen=True)
class Probed:
    """What was found on shallow copies, at full depth."""

    seconds_per_token: float
    activation_bytes: int
    micro_batches_at_once: int
    num_trained: int


def _probe(settings: TrainConfig, model_config: dict[str, Any], batch: Batch, attention: str | None) -> Probed:
    """Make optimizer steps on a part of `batch`: `ROUNDS` micro-batches for each worker."""
    config = config_from(model_config)
    largest = max(batch.micro_batches, key=lambda micro: micro.num_tokens)
    objective = objective_for(settings)
    num_trained: dict[int, int] = {}

    def make_model(num_layers: int) -> Any:
        model = shallow_trainable(model_config, settings, attention, num_layers).train()
        num_trained[num_layers] = sum(parameter.numel() for parameter in trained_parameters(model))
        return model

    def one_pass(model: Any) -> None:
        torch.autograd.grad(objective(model, largest), trained_parameters(model), materialize_grads=True)

    with micro_batch_workers(make_model(SHALLOW)) as pool:
        at_once = min(pool.count, len(batch.micro_batches)) if pool else 1
        part = replace(batch, micro_batches=batch.micro_batches[: ROUNDS * at_once])

        def step(model: Any) -> None:
            accumulate_gradients(model, part, objective, trained_parameters(model), pool)
            torch.nn.utils.clip_grad_norm_(trained_parameters(model), settings.max_gradient_norm)
            make_optimizer(model, settings.optimizer).step()
            model.zero_grad()

        cost = measure_cost(config, make_model, step, one_pass)
    return Probed(
        seconds_per_token=cost.seconds / sum(micro.num_tokens for micro in part.micro_batches),
        activation_bytes=cost.activation_bytes,
        micro_batches_at_once=at_once,
        num_trained=int(at_depth([num_trained[SHALLOW], num_trained[DEEP]], config.num_hidden_layers)),
    )
