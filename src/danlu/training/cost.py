"""What a training stage will take, before it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from danlu.models.head import CHUNK_TOKENS
from danlu.models.probe import SHALLOW, config_from, measure_cost
from danlu.telemetry.resources import release_memory
from danlu.training.batches import BatchStream
from danlu.training.config import TrainConfig
from danlu.training.loop import accumulate_gradients
from danlu.training.optimizer import make_optimizer
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
    batch = batches.at(0)
    largest = max(batch.micro_batches, key=lambda micro: micro.num_tokens)
    objective = objective_for(settings)
    depth_to_trained: dict[int, int] = {}

    def make_model(num_layers: int) -> Any:
        model = shallow_trainable(model_config, settings, attention, num_layers).train()
        depth_to_trained[num_layers] = sum(p.numel() for p in model.parameters() if p.requires_grad)
        return model

    def one_pass(model: Any) -> None:
        torch.autograd.grad(objective(model, largest), _trained(model), materialize_grads=True)

    with micro_batch_workers(make_model(SHALLOW)) as pool:
        at_once = min(pool.count, len(batch.micro_batches)) if pool else 1
        probed = replace(batch, micro_batches=batch.micro_batches[: ROUNDS * at_once])

        def step(model: Any) -> None:
            trained = _trained(model)
            accumulate_gradients(model, probed, objective, trained, pool)
            torch.nn.utils.clip_grad_norm_(trained, settings.max_gradient_norm)
            make_optimizer(model, settings.optimizer).step()
            model.zero_grad()

        cost = measure_cost(config, make_model, step, one_pass)
    release_memory()
    held_bytes = psutil.Process().memory_info().rss  # with the libraries warmed up by the probe
    num_probed_tokens = sum(micro.num_tokens for micro in probed.micro_batches)
    (low, low_count), (high, high_count) = sorted(depth_to_trained.items())
    per_layer = (high_count - low_count) / (high - low)
    num_trained = int(low_count + per_layer * (config.num_hidden_layers - low))
    weight_bytes = num_parameters * torch.finfo(weight_dtype(settings)).bits // 8
    trained_bytes = num_trained * FLOAT32_BYTES * (4 if settings.adapter else 3)
    logit_bytes = 3 * CHUNK_TOKENS * config.get_text_config().vocab_size * FLOAT32_BYTES
    passing_bytes = cost.activation_bytes + num_trained * FLOAT32_BYTES + logit_bytes
    return TrainingCost(
        seconds=num_tokens / num_probed_tokens * cost.seconds + num_parameters * 4 / 1e9 * LOAD_SECONDS_PER_GB,
        peak_memory_bytes=held_bytes + weight_bytes + trained_bytes + int(ALLOCATOR_FACTOR * at_once * passing_bytes),
        checkpoint_bytes=(settings.checkpoint.keep + 1) * num_trained * FLOAT32_BYTES * 3,
        num_trained_parameters=num_trained,
    )


def _trained(model: Any) -> list[torch.Tensor]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
