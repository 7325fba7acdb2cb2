"""Training with transformers' Trainer for some minutes; prints one JSON line. Runs in its own environment.

AdamW with betas of 0.9 and 0.95 and a weight decay of 0.1, a linear warm-up over a twentieth of the steps, then a
cosine, in bf16 and compiled. How many steps fit into the minutes is found by a run with a learning rate of zero. The
clock starts at the end of the first step, in which everything is compiled, and stands still while the loss on the
validation rows is taken, so that the minutes hold training and nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

CALIBRATION_STEPS = 20
WARMUP_STEPS = 4


class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Rows of a file, (rows, length)."""

    def __init__(self, path: str) -> None:
        self.rows = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        row = torch.from_numpy(self.rows[index].astype(np.int64))
        return {"input_ids": row, "labels": row}


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds from the end of the first step to that of each, and the validation losses, [seconds, step, loss]."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.curve: list[list[float]] = []
        self._began = 0.0

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        if not self.ends:
            self._began = time.perf_counter()
        self.ends.append(time.perf_counter() - self._began)

    def on_evaluate(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self.curve.append([self.ends[-1], state.global_step, named["metrics"]["eval_loss"]])
        self._began = time.perf_counter() - self.ends[-1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="Hugging Face directory")
    parser.add_argument("--rows", required=True, help=".npy of (rows, length) token ids")
    parser.add_argument("--validation-rows", required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--validations", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True, help="of the order of the rows")
    options = parser.parse_args()

    rows, validation_rows = Rows(options.rows), Rows(options.validation_rows)

    def train(num_steps: int, learning_rate: float, every_steps: int) -> Clock:
        clock = Clock()
        # A model of its own and nothing compiled before: a second Trainer would put its wrappers around those of the
        # first, and its steps take 1.4 times as long.
        torch.compiler.reset()
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
        with tempfile.TemporaryDirectory() as directory:
            Trainer(
                model=model,
                args=TrainingArguments(
                    output_dir=directory,
                    per_device_train_batch_size=8,
                    per_device_eval_batch_size=8,
                    max_steps=num_steps,
                    learning_rate=learning_rate,
                    adam_beta2=0.95,
                    weight_decay=0.1,
                    lr_scheduler_type="cosine",
                    warmup_steps=num_steps // 20,
                    bf16=True,
                    torch_compile=True,
                    eval_strategy="steps",
                    eval_steps=every_steps,
                    prediction_loss_only=True,
                    seed=options.seed,
                    use_cpu=True,
                    save_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                ),
                train_dataset=rows,
                eval_dataset=validation_rows,
                callbacks=[clock],
            ).train()
        return clock

    calibration = train(CALIBRATION_STEPS, 0.0, CALIBRATION_STEPS)
    step_seconds = statistics.median(np.diff(calibration.ends)[WARMUP_STEPS:])
    num_steps = max(options.validations, int(60 * options.minutes / step_seconds))
    # Whole stretches, so that the last step is validated.
    every_steps = num_steps // options.validations
    clock = train(every_steps * options.validations, options.learning_rate, every_steps)
    facts = {
        "learning_rate": options.learning_rate,
        "seconds": clock.ends[-1],
        "num_steps": len(clock.ends),
        "final_loss": clock.curve[-1][2],
        "curve": clock.curve,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
