"""What cannot be laid out over processes, found before anything is started."""

from __future__ import annotations

from typing import Any

from danlu.errors import UserError
from danlu.models.parallel.experts import check_experts
from danlu.models.parallel.stages import check_stages
from danlu.models.parallel.tensors import check_tensor_plan
from danlu.models.precision import compute_dtype
from danlu.models.probe import config_from
from danlu.training.config import TrainConfig

DIVISIBLE = {"sgd", "rmsprop", "adam", "adamw", "lion", "muon", "schedule_free_adamw"}
"""Optimizers that work on a part of a matrix as on the whole, or know how to put it together."""
CAUSAL = {"sft", "language_model"}


def check_layout(config: TrainConfig, model_config: dict[str, Any]) -> None:
    """See that the layout goes with model and settings.

    Raises:
        UserError: it does not.
    """
    layout, sizes = config.parallel, config.parallel.sizes
    if config.apart and layout.data != config.apart.copies:
        raise UserError(
            f"apart.copies: {config.apart.copies} copies train on as many processes; there are {layout.num_processes}.",
            f"Start {config.apart.copies}.",
        )
    if not layout.needs_ranks:
        return
    if config.budget.minutes is not None:
        raise UserError(
            f"budget.minutes: {config.budget.minutes:g} is for one process that holds the whole model, and parallel"
            f" asks for {layout.describe()}.",
            "Give the budget in tokens, steps or epochs.",
        )
    if layout.offload:
        _check_offload(config)
    divided = [name for name in ("shard", "tensor", "pipeline") if sizes[name] > 1]
    if config.optimizer.kind not in DIVISIBLE and any(sizes[name] > 1 for name in ("shard", "tensor")):
        raise UserError(
            f"The optimizer {config.optimizer.kind} looks at whole matrices, which parallel.{divided[0]} divides.",
            f"Take one of {', '.join(sorted(DIVISIBLE))}, or divide by data, context or pipeline only.",
        )
    if divided and str(compute_dtype(config.precision)) == "torch.float16":
        raise UserError(
            f"precision: fp16 scales the loss by what all weights say, and parallel.{divided[0]} divides them.",
            "Take bf16 or fp32, or divide by data or context only.",
        )
    model = config_from(model_config)
    if sizes["expert"] > 1:
        others = [name for name in ("shard", "tensor", "context", "pipeline") if sizes[name] > 1]
        if others or config.adapter is not None:
            raise UserError(
                f"parallel.expert does not go together with {f'parallel.{others[0]}' if others else 'an adapter'} yet.",
                "Combine it with data only, and train every weight.",
            )
        check_experts(model, sizes["expert"])
    if config.objective not in CAUSAL and any(sizes[name] > 1 for name in ("context", "tensor", "pipeline")):
        raise UserError(
            f"objective: {config.objective} can be divided by parallel.data and parallel.shard only.",
            f"Its processes are {layout.num_processes}: say parallel: {{data: {layout.num_processes}}}.",
        )
    if sizes["tensor"] > 1:
        if config.adapter is not None:
            raise UserError(
                "parallel.tensor divides the layers that an adapter is put on.",
                "Divide by parallel.data, shard or pipeline instead.",
            )
        check_tensor_plan(model, sizes["tensor"])
    if sizes["pipeline"] > 1:
        check_stages(model, sizes["pipeline"] * (layout.chunks if layout.schedule == "interleaved" else 1))


def _check_offload(config: TrainConfig) -> None:
    others = [name for name in ("tensor", "context", "pipeline", "expert") if config.parallel.sizes[name] > 1]
    given = f"parallel.{others[0]}" if others else "apart" if config.apart else None
    if given:
        raise UserError(f"parallel.offload does not go together with {given}.", "Combine it with data and shard only.")
    if config.optimizer.kind not in DIVISIBLE:
        raise UserError(
            f"parallel.offload moves the weights in main memory, and the optimizer {config.optimizer.kind} cannot.",
            f"Take one of {', '.join(sorted(DIVISIBLE))}.",
        )
    if str(compute_dtype(config.precision)) == "torch.float16":
        raise UserError(
            "precision: fp16 scales the loss by what all weights say, and parallel.offload takes them from the GPU.",
            "Take bf16 or fp32.",
        )
