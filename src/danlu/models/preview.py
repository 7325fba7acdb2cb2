"""What a packed row looks like to the model, for eyes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

DOCUMENT_BORDER = "\n[dim]──── next example ────[/dim]\n"


def preview_row(
    tokenizer: Any,
    input_ids: npt.NDArray[np.int64],
    supervised: npt.NDArray[np.bool_],
    document_lengths: npt.NDArray[np.int64],
    max_tokens: int = 160,
) -> str:
    """The beginning of a packed row, decoded: supervised tokens bold green, the others dim, borders of examples shown.

    Args:
        tokenizer: The tokenizer the row was made with.
        input_ids, supervised: Shape (row_tokens,).
        document_lengths: Shape (row_documents,), sums to row_tokens.
        max_tokens: How many tokens are shown at most.

    Returns:
        Rich markup; the text itself is escaped.
    """
    from rich.markup import escape

    shown = min(len(input_ids), max_tokens)
    borders = set(np.cumsum(document_lengths).tolist())
    changes = (np.flatnonzero(np.diff(supervised[:shown])) + 1).tolist()
    cuts = sorted({0, shown, *changes, *(border for border in borders if border < shown)})
    pieces = []
    for begin, end in pairwise(cuts):
        text = escape(tokenizer.decode(input_ids[begin:end].tolist(), skip_special_tokens=False))
        style = "bold green" if supervised[begin] else "dim"
        border = DOCUMENT_BORDER if begin in borders else ""
        pieces.append(f"{border}[{style}]{text}[/{style}]")
    if shown < len(input_ids):
        pieces.append(f"\n[dim]… and {len(input_ids) - shown} more tokens[/dim]")
    return "".join(pieces)
