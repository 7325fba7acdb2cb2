"""Anchors: places in a text where something personal may stand, cheap enough to look for at every character.

The scan (`scan.py`) finds anchors; each kind says at which of them, and at what sizes, it wants to look closely.
"""

from __future__ import annotations

from enum import IntEnum


class Anchor(IntEnum):
    """What was seen. A word is a longest run of ASCII letters, digits and underscores."""

    NUMBER = 0
    """A word that begins with a digit, whose length and that of what follows may be a number's. Size: of the word."""
    CODE = 1
    """A word of letters and digits that begins with a letter. Size: characters of the word."""
    OPENING = 2
    """A plus sign or an opening parenthesis before a digit. Size: 1 for the plus sign, 2 for the parenthesis."""
    AT = 3
    """Where the local part begins of what may be an e-mail address."""
    COLONS = 4
    """A run of hexadecimal digits and colons that has two colons in a row, or six and more."""
    TOKEN = 5
    """A word, or words joined by hyphens and points, of 16 characters and more that begins as known keys do."""
    ASSIGNMENT = 6
    """A colon or equals sign after a word that ends as words for secrets do."""
    LABEL = 7
    """A colon before a capital letter, behind a word such as name."""
    DASHES = 8
    """Five hyphens and a B, as in -----BEGIN."""
    LINK = 9
    """://"""
    PLATE = 10
    """The character of a Chinese plate's region, and a capital letter."""
    HOUSE = 11
    """A number after a Chinese character and before one that houses are counted by. Where the number begins."""
    STREET = 12
    """A number before a word such as Street in the same line; or a word such as Box. Size: 1 and 2."""
    CHINESE_NAME = 13
    """What the model of names takes for one. Size: characters of the name."""
    ENGLISH_NAME = 14
    """A capitalised word that is in the table of given names or titles."""
    POINTS = 15
    """Four groups of digits joined by points."""


SIZES = 64
"""Sizes from 0 to this less one are told apart; what is larger counts as the largest."""
