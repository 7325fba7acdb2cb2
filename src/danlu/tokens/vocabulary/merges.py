"""Which merges byte-pair encoding learns from text (Sennrich et al., 2016): again and again the most frequent pair.

The trainer of the tokenizers library says what is right. gigabpe gives the same merges several times faster and in
less memory; it is asked to show so on a sample of the text, and where it does not, or is not installed, the library
does all of the work.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from danlu.models.gguf.pre_tokenizers import PreTokenizer, build
from danlu.telemetry.reporter import Reporter
from danlu.tokens.byte_letters import BYTE_LETTERS
from danlu.tokens.vocabulary.words import read_word, write_words

Merges = list[tuple[str, str]]
"""Pairs in the letters of byte-level vocabularies, the most frequent first."""

SAMPLE_CHARACTERS = 200_000
SAMPLE_NEW_TOKENS = 500


def train_merges(
    batches: Callable[[], Iterator[list[str]]], num_new_tokens: int, pre_tokenizer: PreTokenizer, reporter: Reporter
) -> Merges:
    """Merges that give `num_new_tokens` tokens, or as many as the text has.

    Args:
        batches: Gives the texts, each time anew.
        num_new_tokens: Different tokens to make beside the 256 bytes. Two merges may give the same token.
        pre_tokenizer: How text is cut into words, which merging never crosses.
        reporter: Told why the slow way is taken.
    """
    if not has_fast_trainer():
        reporter.say("The tokenizers library trains, more slowly: gigabpe is not installed (the extra 'tokenizer').")
        return train_slowly(chain.from_iterable(batches()), num_new_tokens, pre_tokenizer)
    sample = _sample(batches())
    right = train_slowly(sample, SAMPLE_NEW_TOKENS, pre_tokenizer)
    if train_fast([sample], SAMPLE_NEW_TOKENS, pre_tokenizer) != right:
        reporter.warn("gigabpe learns other merges than the tokenizers library from a sample; the library trains.")
        return train_slowly(chain.from_iterable(batches()), num_new_tokens, pre_tokenizer)
    return train_fast(batches(), num_new_tokens, pre_tokenizer)


def has_fast_trainer() -> bool:
    """Whether gigabpe is installed."""
    return find_spec("gigabpe") is not None


def train_fast(batches: Iterable[list[str]], num_new_tokens: int, pre_tokenizer: PreTokenizer) -> Merges:
    """Merges by gigabpe, from a file of words."""
    import gigabpe

    with tempfile.TemporaryDirectory(prefix="danlu-words-") as directory:
        path = Path(directory) / "words.txt"
        write_words(path, batches, pre_tokenizer)
        # Bytes that the text lacks take no room there, so this may be more than is wanted.
        _, spelt = gigabpe.train_bpe([str(path)], len(BYTE_LETTERS) + num_new_tokens, pretokenizer="whitespace")
    return _first([(read_word(left), read_word(right)) for left, right in spelt], num_new_tokens)


def train_slowly(texts: Iterable[str], num_new_tokens: int, pre_tokenizer: PreTokenizer) -> Merges:
    """Merges by the tokenizers library."""
    from tokenizers import Tokenizer, models, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = build(pre_tokenizer)
    trainer: Any = trainers.BpeTrainer(
        vocab_size=len(BYTE_LETTERS) + num_new_tokens, initial_alphabet=BYTE_LETTERS, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    return [(left, right) for left, right in json.loads(backend.to_str())["model"]["merges"]]


def _first(merges: Merges, num_new_tokens: int) -> Merges:
    """The merges up to the one that completes the vocabulary."""
    tokens: set[str] = set()
    for number, (left, right) in enumerate(merges):
        if len(tokens) == num_new_tokens:
            return merges[:number]
        tokens.add(left + right)
    return merges


def _sample(batches: Iterator[list[str]]) -> list[str]:
    sample, characters = [], 0
    for text in chain.from_iterable(batches):
        sample.append(text[: SAMPLE_CHARACTERS - characters])
        characters += len(sample[-1])
        if characters >= SAMPLE_CHARACTERS:
            break
    return sample
