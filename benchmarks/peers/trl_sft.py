"""One timed run of TRL's SFTTrainer; prints one JSON line. Runs in TRL's own environment, without Danlu.

LoRA of rank 16 on all linear layers of the blocks, rows of at most 512 tokens, 8 rows a step. All else is what TRL
chooses: loss on the whole sequence (it knows no assistant mask for this chat template), gradient checkpointing,
AdamW, SDPA attention. The model is loaded in the type its files have.

    fp32         without autocast. TRL asks for bf16 unless told otherwise, but refuses it on a processor unless
                 ``use_cpu`` is said, which is said in all three
    bf16         with bf16 autocast, which is then its default
    bf16-packed  with bf16 autocast and ``packing=True``
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any

import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "fp32": {"bf16": False},
    "bf16": {"bf16": True},
    "bf16-packed": {"bf16": True, "packing": True},
}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class CountingTrainer(SFTTrainer):  # type: ignore[misc]
    """Notes of each step how many tokens it computed and how many of them were not padding."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.real_tokens: list[int] = []
        self.computed_tokens: list[int] = []

    def training_step(self, model: Any, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        tokens = inputs["input_ids"]
        # Packed rows are flattened into one without padding and have no mask.
        real = inputs["attention_mask"].sum() if "attention_mask" in inputs else tokens.numel()
        self.real_tokens.append(int(real))
        self.computed_tokens.append(tokens.numel())
        return super().training_step(model, inputs, *arguments, **named)


class Clock(TrainerCallback):  # type: ignore[misc]
    """When each step ended, in seconds."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        self.ends.append(time.perf_counter())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="Hugging Face directory")
    parser.add_argument("--data", required=True, help='JSONL of {"messages": [...]}')
    parser.add_argument("--configuration", required=True, choices=CONFIGURATIONS)
    parser.add_argument("--steps", type=int, required=True, help="with the first, which is not counted")
    parser.add_argument("--seed", type=int, required=True, help="of the order of the rows")
    options = parser.parse_args()

    clock = Clock()
    with tempfile.TemporaryDirectory() as directory:
        trainer = CountingTrainer(
            model=options.model,
            args=SFTConfig(
                output_dir=directory,
                max_length=512,
                per_device_train_batch_size=8,
                max_steps=options.steps,
                seed=options.seed,
                use_cpu=True,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **CONFIGURATIONS[options.configuration],
            ),
            train_dataset=load_dataset("json", data_files=options.data, split="train", cache_dir=directory),
            peft_config=LoraConfig(r=16, target_modules=TARGETS, task_type="CAUSAL_LM"),
            callbacks=[clock],
        )
        result = trainer.train()

    seconds = clock.ends[-1] - clock.ends[0]
    real_tokens = sum(trainer.real_tokens[1:])
    facts = {
        "tokens_per_second": real_tokens / seconds,
        "real_tokens": real_tokens,
        "computed_tokens": sum(trainer.computed_tokens[1:]),
        "seconds": seconds,
        "steps": len(clock.ends) - 1,
        "loss": result.training_loss,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
