"""The equivalences there are."""

from __future__ import annotations

from danlu.training.checking import accumulation, chunked_loss, compiling, packing, processes, resuming
from danlu.training.checking.equivalence import Equivalence
from danlu.training.checking.subject import one_by_one

EQUIVALENCES = (
    Equivalence(
        "accumulation",
        "rows all at once / one at a time",
        like=one_by_one,
        why_not=accumulation.why_not,
        pair=accumulation.pair,
    ),
    Equivalence(
        "packing",
        "documents side by side / each alone",
        like=one_by_one,
        why_not=packing.why_not,
        pair=packing.pair,
    ),
    Equivalence(
        "chunked loss",
        "our loss / transformers' full logits",
        like=chunked_loss.as_trained,
        why_not=chunked_loss.why_not,
        pair=chunked_loss.pair,
    ),
    Equivalence(
        "compiling",
        "compiled / not compiled",
        like=one_by_one,
        why_not=compiling.why_not,
        pair=compiling.pair,
    ),
    Equivalence(
        "resuming",
        "stopped and resumed / not stopped",
        like=None,
        why_not=resuming.why_not,
        pair=resuming.pair,
    ),
    Equivalence(
        "processes",
        "several processes / one",
        like=one_by_one,
        why_not=processes.why_not,
        pair=processes.pair,
    ),
)
