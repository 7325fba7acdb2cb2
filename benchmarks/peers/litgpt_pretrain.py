"""One timed run of ``litgpt pretrain``. Runs in LitGPT's own environment, without Danlu.

Its own function and loop train a Llama of a shape that is given, which they compile as a whole, on rows of equal
length, 8 to a step and all at once, with AdamW. A step ends when the next batch is fetched.

    bf16-true   weights, gradients and the state of AdamW in bf16
    bf16-mixed  weights in float32, bf16 by autocast
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.data import DataModule
from litgpt.pretrain import setup
from torch.utils.data import DataLoader

ROWS_PER_STEP = 8


@dataclass
class Rows(DataModule):  # type: ignore[misc]
    """Rows of a file, each with one token more than the model reads; notes when a batch is asked for."""

    path: str
    times: str
    num_fetched: int = 0

    def connect(self, tokenizer: Any = None, batch_size: int = 1, max_seq_length: int | None = None) -> None:
        self.rows = [torch.from_numpy(row) for row in np.load(self.path)]

    def train_dataloader(self) -> DataLoader[torch.Tensor]:
        return DataLoader(self.rows, ROWS_PER_STEP, collate_fn=self.fetch)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[torch.Tensor]:
        return DataLoader(self.rows[:ROWS_PER_STEP], ROWS_PER_STEP)  # type: ignore[arg-type]

    def fetch(self, rows: list[torch.Tensor]) -> torch.Tensor:
        if self.num_fetched:
            with open(self.times, "a") as times:
                times.write(f"{time.time()}\n")
        self.num_fetched += 1
        return torch.stack(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="Hugging Face directory of a Llama, of which the shape is taken")
    parser.add_argument("--rows", required=True, help=".npy of (rows, 513) token ids")
    parser.add_argument("--configuration", required=True, choices=("bf16-true", "bf16-mixed"))
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--times", required=True, help="file for the times of the clock at which steps ended")
    options = parser.parse_args()

    config = shape_of(Path(options.model))
    sys.argv = ["litgpt", "pretrain", config.name]  # which it reads again when it saves
    data = Rows(options.rows, options.times)
    with tempfile.TemporaryDirectory() as directory:
        setup(
            model_name=config.name,
            model_config=config,
            out_dir=Path(directory),
            precision=options.configuration,
            data=data,
            train=TrainArgs(
                save_interval=None,
                global_batch_size=ROWS_PER_STEP,
                micro_batch_size=ROWS_PER_STEP,
                # One more batch is fetched to find that there are enough, which ends the last step.
                max_tokens=options.steps * ROWS_PER_STEP * config.block_size,
                max_norm=1.0,
                lr_warmup_steps=0,
                tie_embeddings=True,
            ),
            eval=EvalArgs(interval=1000, max_iters=1, final_validation=False),
            optimizer={"class_path": "torch.optim.AdamW", "init_args": {"lr": options.learning_rate}},
            logger_name="csv",
        )


def shape_of(model: Path) -> Config:
    """The same Llama in LitGPT's words."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    return Config(
        name="peer",
        block_size=config["max_position_embeddings"],
        vocab_size=config["vocab_size"],
        padded_vocab_size=config["vocab_size"],
        n_layer=config["num_hidden_layers"],
        n_head=config["num_attention_heads"],
        n_query_groups=config["num_key_value_heads"],
        head_size=config["head_dim"],
        n_embd=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        norm_eps=config["rms_norm_eps"],
        rope_base=int(config["rope_parameters"]["rope_theta"]),
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )


if __name__ == "__main__":
    main()
