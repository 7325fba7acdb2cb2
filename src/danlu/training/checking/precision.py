"""What the stage's own number format adds to float32; no fault, but worth knowing."""

from __future__ import annotations

import torch

from danlu.models.precision import compute_dtype
from danlu.training.checking.difference import Difference, difference
from danlu.training.checking.subject import Subject, Variant

NAMES = {torch.bfloat16: "bf16", torch.float16: "fp16"}


def own_precision(subject: Subject) -> tuple[str, Difference | None]:
    """The stage's number format, and how far a training in it is from one in float32; None if it is that one."""
    setting = subject.original.precision
    dtype = compute_dtype(setting)
    if dtype == torch.float32:
        return "fp32", None
    own = subject.trial(Variant("own precision", is_in_own_precision=True))
    return NAMES[dtype] if setting != "fp8" else setting, difference(own, subject.one_by_one)
