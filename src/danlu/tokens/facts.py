"""What is worth knowing about token ids: later stages foretell their cost from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from danlu.artifacts.tokens import TokenStore

PERCENTILES = (5, 25, 50, 75, 95, 100)
NUM_BINS = 32


def describe_splits(splits: dict[str, TokenStore], length: int) -> dict[str, Any]:
    """Facts of all splits, and of the training split where no split is named.

    Returns:
        ``num_rows``, ``num_tokens``, ``num_supervised``, ``num_documents``: by split. Rows that are cut when they are
        needed are counted as if each had `length` tokens.
        ``share_supervised``: prediction targets over tokens. ``fill``: tokens over rows x length.
        ``fingerprint``: SHA-256 of the training split.
        ``document_length_percentiles``: tokens, by percentile as text.
        ``document_lengths_train``: histogram with ``edges`` (tokens, one more than counts) and ``counts``.
        ``sum_squared_document_lengths``: by split, in tokens squared; attention costs in proportion to it.
    """
    train = splits["train"]
    lengths = train.document_lengths
    counts, edges = np.histogram(lengths, bins=min(NUM_BINS, length), range=(0, max(length, int(lengths.max()))))
    num_rows = {split: num_rows_of(store, length) for split, store in splits.items()}
    return {
        "length": length,
        "num_rows": num_rows,
        "num_tokens": {split: store.num_tokens for split, store in splits.items()},
        "num_supervised": {split: store.num_supervised for split, store in splits.items()},
        "num_documents": {split: store.num_documents for split, store in splits.items()},
        "share_supervised": train.num_supervised / train.num_tokens,
        "fill": train.num_tokens / (num_rows["train"] * length),
        "fingerprint": train.fingerprint,
        "document_length_percentiles": {
            str(percentile): float(value)
            for percentile, value in zip(PERCENTILES, np.percentile(lengths, PERCENTILES), strict=True)
        },
        "document_lengths_train": {"edges": edges.tolist(), "counts": counts.tolist()},
        "sum_squared_document_lengths": {
            split: int(np.square(store.document_lengths).sum()) for split, store in splits.items()
        },
    }


def num_rows_of(store: TokenStore, length: int) -> int:
    """Rows of the batch in one pass over a split."""
    return len(store.row_offsets) - 1 if store.row_offsets is not None else -(-store.num_tokens // length)


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """SHA-256 of what decides how text becomes ids; token ids of several stages go together if it is the same."""
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    for passing in ("truncation", "padding"):  # set by calls of the tokenizer
        parts.pop(passing, None)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def num_characters(facts: Mapping[str, Any]) -> int:
    """Of examples, whose facts say it in all, or of a corpus, whose facts say it by split."""
    found = facts.get("num_characters", 0)
    return sum(found.values()) if isinstance(found, dict) else int(found)
