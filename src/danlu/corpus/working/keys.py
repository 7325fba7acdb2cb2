"""What is written beside items so that those which repeat others can be found without reading their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from danlu.corpus.item import Item

KEY_FIELDS = [
    pa.field("key_high", pa.uint64()),  # the first half of 16 bytes that exact duplicates share
    pa.field("key_low", pa.uint64()),
]
SIGNATURE = pa.field("signature", pa.binary(512))
"""128 numbers of 32 bits; only there if near duplicates are looked for."""


def key_fields(*, near: bool) -> list[pa.Field]:
    """Columns of `key_columns`."""
    return [*KEY_FIELDS, SIGNATURE] if near else KEY_FIELDS


def key_columns(items: Sequence[Item], *, near: bool) -> dict[str, pa.Array]:
    """Of items, one at least.

    Args:
        items: In order.
        near: Whether near duplicates are looked for.
    """
    keys = np.frombuffer(b"".join(item.key for item in items), np.uint64).reshape(-1, 2)
    columns = {"key_high": pa.array(keys[:, 0]), "key_low": pa.array(keys[:, 1])}
    if near:
        columns[SIGNATURE.name] = signature_column([item.comparable for item in items])
    return columns


def signature_column(comparable: Sequence[str]) -> pa.FixedSizeBinaryArray:
    """Of texts as near duplicates are compared by them."""
    from danlu.corpus.duplicates.signatures import signatures_of

    buffers = [None, pa.py_buffer(signatures_of(comparable))]
    return pa.FixedSizeBinaryArray.from_buffers(SIGNATURE.type, len(comparable), buffers)
