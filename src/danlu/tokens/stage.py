"""``do: tokenize``: examples or a corpus, and a tokenizer -> kind ``tokens``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Estimate, Input, StageContext
from danlu.artifacts.tokens import TokenStore
from danlu.errors import UserError
from danlu.hardware.yardstick import slowness
from danlu.models.load import load_tokenizer
from danlu.tokens.config import TokenizeConfig
from danlu.tokens.corpus import tokenize_corpus
from danlu.tokens.examples import tokenize_examples
from danlu.tokens.facts import describe_splits, num_characters, tokenizer_fingerprint

VERSION = 3
PREPARES = True

# Measured on English articles and instructions and on Chinese poems, 1 to 20 million characters: loading the tokenizer,
# then what each character adds, which in Chinese is often a token.
BASE_SECONDS = 1.0
SECONDS_PER_CHARACTER = 5e-7
WORDS_SECONDS_PER_CHARACTER = 1e-6
BASE_MEMORY_BYTES = 480 * 2**20
MEMORY_PER_CHARACTER = 7
DISK_PER_CHARACTER = 0.5
CHARACTERS_PER_TOKEN = 4


def plan(config: TokenizeConfig, context: StageContext) -> Estimate:
    """From the number of characters alone."""
    data = context.input("data")
    _check_settings(config, data)
    characters = num_characters(data.facts)
    seconds_per_character = SECONDS_PER_CHARACTER + (WORDS_SECONDS_PER_CHARACTER if config.words else 0.0)
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + characters * seconds_per_character),
        peak_memory_bytes=BASE_MEMORY_BYTES + characters * MEMORY_PER_CHARACTER,
        disk_bytes=int(characters * DISK_PER_CHARACTER),
        notes=[f"makes about {characters / CHARACTERS_PER_TOKEN:,.0f} tokens, for rows of {config.length}"],
        facts={"length": config.length, **({"labels": classes} if (classes := _classes(data)) else {})},
    )


def run(config: TokenizeConfig, context: StageContext, out: Path) -> dict[str, Any]:
    """Load the tokenizer, make documents of token ids, write."""
    data, reporter = context.input("data"), context.reporter
    _check_settings(config, data)
    directory = context.input("tokenizer").path
    _check_length(config.length, directory)
    tokenizer = load_tokenizer(directory)
    if data.kind == "corpus":
        kept = context.directory / "ranges"
        facts = tokenize_corpus(
            tokenizer,
            data.path,
            data.facts["num_characters"],
            reporter,
            kept,
            out,
            words=config.words,
            classes=_classes(data),
        )
    else:
        facts = tokenize_examples(config, tokenizer, data.path, reporter, out)
    splits = {split: TokenStore.open(out, split) for split in SPLITS}
    _check_something_to_train_on(splits["train"], data)
    return {
        **facts,
        **describe_splits(splits, config.length),
        "vocabulary_size": len(tokenizer),
        "tokenizer": tokenizer_fingerprint(tokenizer),
    }


def _check_settings(config: TokenizeConfig, data: Input) -> None:
    if data.part is not None:
        raise UserError(
            f"data: {data.name}.{data.part} is one split, but all are tokenised.", f"Write 'data: {data.name}'."
        )
    if data.kind == "examples" and config.words:
        raise UserError(
            f"words: {config.words} marks words of a corpus for encoders, and {data.name} holds examples.",
            "Take 'words' out, or make a corpus with into: corpus.",
        )
    given = sorted({"packing", "overlong"} & config.model_fields_set)
    if data.kind == "corpus" and given:
        raise UserError(
            f"{given[0]}: the documents of a corpus are cut into rows of equal length; only examples are packed whole.",
            f"Take {given[0]!r} out.",
        )


def _classes(data: Input) -> list[str]:
    """The classes of the corpus in the order of their names; none where documents have no labels."""
    by_split = data.facts.get("num_by_label") or {}
    return sorted({name for counts in by_split.values() for name in counts})


def _check_something_to_train_on(train: TokenStore, data: Input) -> None:
    if not train.num_supervised:
        raise UserError(
            f"This trains on nothing: the training split of {data.name} has {train.num_documents} documents"
            f" with {train.num_supervised} tokens to predict.",
            "Give more data, or hold out less of it.",
        )


def _check_length(length: int, directory: Path) -> None:
    """A model has no positions behind its context. A tokenizer that comes without a model has no such limit."""
    path = directory / "config.json"
    if not path.is_file():
        return
    model_config = json.loads(path.read_text(encoding="utf-8"))
    nested = model_config.get("text_config") or {}
    context_length = model_config.get("max_position_embeddings", nested.get("max_position_embeddings"))
    if context_length is not None and length > context_length:
        raise UserError(
            f"length: {length} tokens are more than the {context_length} the model has positions for.",
            f"Set 'length' to {context_length} or less.",
        )
