"""The sides of data that is cut into what is learnt from and what is held out."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")
