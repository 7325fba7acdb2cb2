"""Whether a piece of text is a web or mail address, and so one word: a host name or an IPv4 address with what may stand
before it (``https://``, a user and ``@``) and behind it (a port, a path)."""

from __future__ import annotations

from danlu.corpus.compiling import Bits, Codes, kernel
from danlu.corpus.rules.marks import AFFIX_DIGIT, HOST, SMALL, WORD

STOP = ord(".")
AT = ord("@")
COLON = ord(":")
SLASH = ord("/")
HYPHEN = ord("-")
UNDERSCORE = ord("_")
QUESTION = ord("?")
NUMBER = ord("#")
PLUS = ord("+")

LONGEST_LABEL = 64
LONGEST_TOP = 63
"""Characters of the last part of a host's name."""


@kernel
def is_web_address(codes: Codes, first: int, last: int, bits: Bits) -> bool:
    """Of all of ``codes[first:last]``. The host begins at the beginning, behind a scheme, or behind any ``@``."""
    has_stop = False
    for place in range(first, last):
        if codes[place] == STOP:
            has_stop = True
            break
    if not has_stop:
        return False
    if is_host_and_rest(codes, first, last, bits):
        return True
    place = first
    while place < last and (bits[codes[place]] & WORD or codes[place] in (PLUS, HYPHEN, STOP)):
        place += 1
    has_scheme = place - first >= 2 and place + 2 < last and codes[place] == COLON
    has_scheme = has_scheme and codes[place + 1] == SLASH and codes[place + 2] == SLASH
    if has_scheme and is_host_and_rest(codes, place + 3, last, bits):
        return True
    for place in range(first + 1, last - 1):
        if codes[place] == AT and is_host_and_rest(codes, place + 1, last, bits):
            return True
    return False


@kernel
def is_host_and_rest(codes: Codes, first: int, last: int, bits: Bits) -> bool:
    """A host, perhaps a port, perhaps a path, to the end."""
    place = address_end(codes, first, last, bits)
    if place >= 0 and is_rest(codes, place, last, bits):
        return True
    place = host_end(codes, first, last, bits)
    return place >= 0 and is_rest(codes, place, last, bits)


@kernel
def host_end(codes: Codes, first: int, last: int, bits: Bits) -> int:
    """Where a host's name ends, or -1: labels with dots between them, the last of small letters."""
    place = label = first
    num_labels = 0
    while place < last:
        code = codes[place]
        if code == STOP:
            if place == label or place - label > LONGEST_LABEL:
                return -1
            if not bits[codes[label]] & HOST or not bits[codes[place - 1]] & HOST:
                return -1
            num_labels += 1
            label = place + 1
        elif not bits[code] & HOST and code != HYPHEN and code != UNDERSCORE:
            break
        place += 1
    if num_labels == 0 or not 2 <= place - label <= LONGEST_TOP:
        return -1
    for each in range(label, place):
        if not bits[codes[each]] & SMALL:
            return -1
    return place


@kernel
def address_end(codes: Codes, first: int, last: int, bits: Bits) -> int:
    """Where an IPv4 address ends, or -1. Loopback, private and reserved ranges are none, for spaCy."""
    place = first
    numbers = (0, 0, 0, 0)
    for index in range(4):
        start = place
        value = 0
        while place < last and bits[codes[place]] & AFFIX_DIGIT and place - start < 3:
            value = 10 * value + codes[place] - 48
            place += 1
        if place == start or value > 255:
            return -1
        if codes[start] == 48 and (index == 0 or index == 3 or place - start == 3):
            return -1
        numbers = (numbers[1], numbers[2], numbers[3], value)
        if index < 3:
            if place >= last or codes[place] != STOP:
                return -1
            place += 1
    if numbers[0] > 223 or numbers[0] == 10 or numbers[0] == 127 or numbers[3] == 255:
        return -1
    private = (numbers[0] == 192 and numbers[1] == 168) or (numbers[0] == 172 and 16 <= numbers[1] <= 31)
    if private or (numbers[0] == 169 and numbers[1] == 254):
        return -1
    return place


@kernel
def is_rest(codes: Codes, place: int, last: int, bits: Bits) -> bool:
    """Nothing, a port, a path, or both."""
    if place < last and codes[place] == COLON:
        start = place + 1
        place = start
        while place < last and bits[codes[place]] & AFFIX_DIGIT:
            place += 1
        if not 2 <= place - start <= 5:
            return False
    return place == last or codes[place] in (SLASH, QUESTION, NUMBER)
