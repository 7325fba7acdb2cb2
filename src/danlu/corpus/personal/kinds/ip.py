"""Addresses on the internet, of version 4 and 6, except those that mean the machine itself, nothing, or everything."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.context import any_of, before
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span

OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
VERSION_4 = re.compile(rf"{OCTET}(?:\.{OCTET}){{3}}(?![\w-]|\.\d)", re.ASCII)
VERSION_6 = re.compile(rf"[0-9A-Fa-f:]{{2,39}}(?::{OCTET}(?:\.{OCTET}){{3}})?", re.ASCII)
VERSIONS = any_of(
    ("version", "ver.", "release", "build", "chrome/", "firefox/", "safari/", "版本", "章节", "第", "section", "固件")
)
"""Words before four numbers that are no address."""
NOBODY_4 = "0."
NOBODY_6 = "100::"
"""What such an address begins with belongs to no machine (RFC 6890): stand-ins do."""
NETWORK_6 = ip_network("100::/64")
FEWEST_DIGITS_6 = 3
FEWEST_GROUPS_6 = 2
"""One alone is reserved (``::138``) or a network (``8220::``): colons beside a number more often than an address."""


def find(text: str, position: int, size: int) -> Span | None:
    match = VERSION_6.match(text, position)
    if match and match.group().count(":") > 1:
        return _checked_6(text, position, match.end())
    match = VERSION_4.match(text, position)
    if (
        match is None
        or text[position - 1 : position] in (".", "-")
        or match.group().startswith((NOBODY_4, "127.", "255."))
    ):
        return None
    said = before(text, position)
    return None if VERSIONS.search(said) or said[-1:] in ("v", "V") else match.span()


def _checked_6(text: str, start: int, end: int) -> Span | None:
    following = text[end : end + 1]
    if following == ":" or (following.isascii() and (following.isalnum() or following == "_")):
        return None
    while text[end - 1] == ":" and text[end - 2] != ":":  # the colon of a sentence
        end -= 1
    try:
        address = IPv6Address(text[start:end])
    except ValueError:
        return None
    groups = [group for group in text[start:end].split(":") if group]
    if len(groups) < FEWEST_GROUPS_6 or sum(map(len, groups)) < FEWEST_DIGITS_6:
        return None
    return None if address.is_loopback or address.is_unspecified or address in NETWORK_6 else (start, end)


def canonical(value: str) -> str:
    return str(ip_address(value))


def stand_in(draw: Draw, value: str) -> str:
    """Of a network that belongs to nobody, of the same version."""
    if ":" in value:
        return NOBODY_6 + ":".join(f"{1 + draw.below(0xFFFF):x}" for _ in range(4))
    return NOBODY_4 + ".".join(str(draw.below(256)) for _ in range(3))


KIND = Kind(
    name="ip",
    chinese="IP地址",
    english="IP_ADDRESS",
    anchors={Anchor.POINTS: ANY_SIZE, Anchor.COLONS: ANY_SIZE},
    find=find,
    canonical=canonical,
    stand_in=stand_in,
)
