"""``do: train_tokenizer``: text -> kind ``tokenizer``, a directory that transformers' AutoTokenizer reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Estimate, Input, StageContext
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness
from danlu.models.files import save_tokenizer
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS
from danlu.models.load import load_tokenizer
from danlu.telemetry.reporter import Reporter
from danlu.tokens.encoder import Encoder
from danlu.tokens.facts import num_characters
from danlu.tokens.vocabulary.build import build_tokenizer
from danlu.tokens.vocabulary.config import NUM_BYTES, TrainTokenizerConfig
from danlu.tokens.vocabulary.merges import Merges, has_fast_trainer, train_merges
from danlu.tokens.vocabulary.texts import choose, chosen_texts, count_characters, read_texts

VERSION = 2
PREPARES = True

# Measured on Chinese poems, 0.13 to 23 million characters, vocabularies of 4,000 to 32,000 tokens: the libraries, then
# what each character and each token adds.
BASE_SECONDS = 0.5
SECONDS_PER_CHARACTER = 6e-7
SECONDS_PER_TOKEN = 1e-4
SLOWER_WITHOUT_GIGABPE = 4
BASE_MEMORY_BYTES = 390 * 2**20
MEMORY_PER_CHARACTER = 60
DISK_PER_TOKEN = 80
MEASURED_CHARACTERS = 20_000_000
"""Of held-out text; how many bytes a token stands for is measured on these."""


def plan(config: TrainTokenizerConfig, context: StageContext) -> Estimate:
    """From the number of characters of the data alone."""
    characters = min(num_characters(context.input("data").facts), config.sample_characters)
    learning = characters * SECONDS_PER_CHARACTER + config.vocabulary_size * SECONDS_PER_TOKEN
    if not has_fast_trainer():
        learning *= SLOWER_WITHOUT_GIGABPE
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + learning),
        peak_memory_bytes=BASE_MEMORY_BYTES + characters * MEMORY_PER_CHARACTER,
        disk_bytes=config.vocabulary_size * DISK_PER_TOKEN,
        notes=[f"learns {config.num_new_tokens:,} tokens from about {characters:,} characters"],
        facts={"vocabulary_size": config.vocabulary_size},
    )


def run(config: TrainTokenizerConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Choose documents, learn merges, write the tokenizer, read it back and measure it."""
    data, reporter = context.input("data"), context.reporter
    if data.part is not None:
        raise UserError(
            f"data: {data.name}.{data.part} is one split, but the training split is learnt from.",
            f"Write 'data: {data.name}'.",
        )
    lengths = count_characters(read_texts(data.kind, data.path, "train"))
    chosen = choose(lengths, config.sample_characters, config.seed)
    _check_text(data, int(lengths[chosen].sum()), int(lengths.sum()), config)
    if not chosen.all():
        reporter.say(
            f"Learns from {chosen.sum():,} of {len(chosen):,} texts: {lengths[chosen].sum():,} of "
            f"{lengths.sum():,} characters ('sample_characters')."
        )
    pre_tokenizer = PRE_TOKENIZERS[config.pre_tokenizer]

    def batches() -> Iterator[list[str]]:
        return chosen_texts(read_texts(data.kind, data.path, "train"), chosen)

    merges = train_merges(batches, config.num_new_tokens, pre_tokenizer, reporter)
    _check_size(merges, config)
    save_tokenizer(build_tokenizer(merges, pre_tokenizer, config.special_tokens), out)
    return {
        "vocabulary_size": config.vocabulary_size,
        "num_merges": len(merges),
        "pre_tokenizer": config.pre_tokenizer,
        "special_tokens": config.special_tokens.all,
        "num_texts": int(chosen.sum()),
        "num_characters": int(lengths[chosen].sum()),
        **_measure(out, data, reporter),
    }


def _check_text(data: Input, characters: int, everything: int, config: TrainTokenizerConfig) -> None:
    if not everything:
        raise UserError(
            f"data: the training split of {data.name} has no text to learn a vocabulary from.",
            "Look at what the stage before it left out.",
        )
    if not characters:
        raise UserError(
            f"sample_characters: no text of {data.name} is as short as {config.sample_characters} characters.",
            "Raise 'sample_characters'.",
        )


def _check_size(merges: Merges, config: TrainTokenizerConfig) -> None:
    found = len({left + right for left, right in merges})
    if found < config.num_new_tokens:
        reached = NUM_BYTES + len(config.special_tokens.all) + found
        raise UserError(
            f"vocabulary_size: the text gives only {len(merges):,} merges, not the {config.num_new_tokens:,} that "
            f"{config.vocabulary_size:,} tokens need.",
            f"Set 'vocabulary_size' to {reached} or less, better far less, or give more text.",
        )


def _measure(out: Path, data: Input, reporter: Reporter) -> dict[str, Any]:
    """How much text a token stands for, on text that was not learnt from if there is some."""
    encoder = Encoder(load_tokenizer(out), reporter)
    for split in ("validation", "train"):
        characters = num_bytes = tokens = 0
        for batch in read_texts(data.kind, data.path, split):
            texts = batch.to_pylist()
            ids, _ = encoder.encode(texts)
            tokens += len(ids)
            characters += sum(map(len, texts))
            num_bytes += sum(len(text.encode()) for text in texts)
            if characters >= MEASURED_CHARACTERS:
                break
        if tokens:
            return {
                "measured_on": split,
                "bytes_per_token": num_bytes / tokens,
                "characters_per_token": characters / tokens,
            }
    raise AssertionError("the training split has text")
