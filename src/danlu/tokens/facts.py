"""What is worth knowing about packed rows: later stages foretell their cost from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from danlu.artifacts.tokens import PackedRows

PERCENTILES = (5, 25, 50, 75, 95, 100)
NUM_BINS = 32


def describe_rows(splits: dict[str, PackedRows], length: int) -> dict[str, Any]:
    """Facts of all splits, and of the training split where no split is named.

    Returns:
        ``num_rows``, ``num_tokens``, ``num_supervised``, ``num_documents``: by split.
        ``share_supervised``: prediction targets over tokens. ``fill``: tokens over rows x length.
        ``fingerprint``: SHA-256 of the training rows.
        ``document_length_percentiles``: tokens, by percentile as text.
        ``document_lengths_train``: histogram with ``edges`` (tokens, one more than counts) and ``counts``.
        ``sum_squared_document_lengths``: by split, in tokens squared; attention costs in proportion to it.
    """
    train = splits["train"]
    lengths = train.document_lengths
    counts, edges = np.histogram(lengths, bins=min(NUM_BINS, length), range=(0, length))
    return {
        "num_rows": {split: rows.num_rows for split, rows in splits.items()},
        "num_tokens": {split: rows.num_tokens for split, rows in splits.items()},
        "num_supervised": {split: rows.num_supervised for split, rows in splits.items()},
        "num_documents": {split: rows.num_documents for split, rows in splits.items()},
        "share_supervised": train.num_supervised / train.num_tokens,
        "fill": train.num_tokens / (train.num_rows * length),
        "fingerprint": train.fingerprint,
        "document_length_percentiles": {
            str(percentile): float(value)
            for percentile, value in zip(PERCENTILES, np.percentile(lengths, PERCENTILES), strict=True)
        },
        "document_lengths_train": {"edges": edges.tolist(), "counts": counts.tolist()},
        "sum_squared_document_lengths": {
            split: int(np.square(rows.document_lengths.astype(np.int64)).sum()) for split, rows in splits.items()
        },
    }
