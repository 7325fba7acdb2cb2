"""One timed run of transformers' Trainer. Runs in its own environment, without Danlu.

A causal language model from a directory is trained on rows of equal length with AdamW. All else is what the Trainer
chooses.

    fp32           its defaults: no autocast, nothing compiled
    bf16-compiled  with ``bf16=True`` and ``torch_compile=True``
    bf16-sdpa      with ``bf16=True``, on a GPU if there is one
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any, TextIO

import numpy as np
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "fp32": {"use_cpu": True},
    "bf16-compiled": {"use_cpu": True, "bf16": True, "torch_compile": True},
    "bf16-sdpa": {"bf16": True, "use_cpu": not torch.cuda.is_available()},
}


class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Rows of a file, (rows, length)."""

    def __init__(self, path: str) -> None:
        self.rows = torch.from_numpy(np.load(path))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.rows[index], "labels": self.rows[index]}


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when each step ended, by the clock, in seconds."""

    def __init__(self, times: TextIO) -> None:
        self.times = times

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        self.times.write(f"{time.time()}\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="Hugging Face directory")
    parser.add_argument("--rows", required=True, help=".npy of (rows, length) token ids")
    parser.add_argument("--configuration", required=True, choices=CONFIGURATIONS)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--rows-per-step", type=int, default=8)
    parser.add_argument("--rows-at-once", type=int, default=8)
    parser.add_argument("--times", required=True, help="file for the times of the clock at which steps ended")
    options = parser.parse_args()

    rows = Rows(options.rows)
    with tempfile.TemporaryDirectory() as directory, open(options.times, "w", buffering=1) as times:
        trainer = Trainer(
            model=AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32),
            args=TrainingArguments(
                output_dir=directory,
                per_device_train_batch_size=options.rows_at_once,
                gradient_accumulation_steps=options.rows_per_step // options.rows_at_once,
                max_steps=options.steps,
                learning_rate=options.learning_rate,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **CONFIGURATIONS[options.configuration],
            ),
            train_dataset=rows,
            callbacks=[Clock(times)],
        )
        trainer.train()


if __name__ == "__main__":
    main()
