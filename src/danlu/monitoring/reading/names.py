"""What other trainers call the metrics."""

from __future__ import annotations

import re

METRICS: dict[str, tuple[str, ...]] = {
    "train/loss": (
        "loss", "train_loss", "training_loss", "loss_train", "train_loss_step", "loss_step", "train_loss_epoch",
        "train_inner_loss", "lm_loss", "train_lm_loss", "ce_loss", "cross_entropy",
    ),
    "validation/loss": (
        "validation_loss", "val_loss", "eval_loss", "valid_loss", "dev_loss", "loss_val", "loss_valid",
        "loss_validation", "loss_eval", "val_loss_epoch", "validation_loss_epoch", "eval_lm_loss",
    ),
    "train/learning_rate": (
        "learning_rate", "lr", "train_learning_rate", "train_lr", "learning_rate_0", "lr_0", "lr_adamw", "lr_adam",
        "lr_sgd", "lr_group_0", "train_inner_lr",
    ),
    "train/gradient_norm": (
        "gradient_norm", "grad_norm", "gnorm", "train_grad_norm", "train_gradient_norm", "grad_norm_total",
        "total_norm", "global_grad_norm", "grad_2_0_norm_total", "train_inner_gnorm", "gradnorm",
    ),
    "train/tokens_per_second": (
        "tokens_per_second", "train_tokens_per_second", "tokens_per_sec", "tok_per_sec", "tok_s", "tps", "throughput",
    ),
    "train/seconds": (
        "seconds", "train_seconds", "step_time", "time_per_step", "iteration_time", "iter_time", "seconds_per_step",
        "train_step_time", "step_seconds", "batch_time", "elapsed_time_per_iteration",
    ),
    "train/data_seconds": (
        "data_seconds", "train_data_seconds", "data_time", "data_loading_time", "dataload_time", "time_data",
        "train_data_time", "data_load_time",
    ),
    "validation/accuracy": ("validation_accuracy", "val_accuracy", "eval_accuracy", "val_acc", "eval_acc", "valid_acc"),
    "system/gpu_memory_bytes": ("gpu_memory_bytes", "system_gpu_memory_bytes"),
    "system/resident_bytes": ("resident_bytes", "system_resident_bytes", "rss_bytes"),
}  # fmt: skip
"""Our name, and theirs as `plain` makes them."""

STEPS = (
    "step", "global_step", "steps", "train_step", "iteration", "iter", "iterations", "update", "num_updates",
    "train_global_step", "batch", "epoch", "train_epoch",
)  # fmt: skip
"""What counts steps, the best first. The epoch does where nothing else is there."""

OURS = {theirs: ours for ours, names in METRICS.items() for theirs in names}


def plain(name: str) -> str:
    """``Loss/train`` and ``loss train`` are ``loss_train``."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def our_name(name: str) -> str:
    """Our name for a metric; a name nobody knows stays as it is, as do ours."""
    return OURS.get(plain(name), name)
