"""Traditional and Simplified Chinese characters, converted by OpenCC with its dictionaries of words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from danlu.errors import UserError

CONFIGURATIONS = {"simplified": "t2s", "traditional": "s2t"}


def converter(to: Literal["simplified", "traditional"]) -> Callable[[str], str]:
    """A function that converts a text. Measured: 30,000 poems one by one 0.16 s, put together into one text 0.15 s.

    Raises:
        UserError: OpenCC is not installed.
    """
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise UserError(
            f"chinese: {to} needs the package opencc, which is not installed.",
            "Install it with: pip install 'danlu[chinese]'",
        ) from error
    convert: Callable[[str], str] = OpenCC(CONFIGURATIONS[to]).convert
    return convert
