"""XML from strangers: no entities from outside, nothing fetched."""

from __future__ import annotations

from typing import Any


def parse_xml(data: bytes) -> Any:
    """The root element.

    Raises:
        ValueError: it is no XML.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is not XML ({str(error).splitlines()[0] if str(error) else 'empty'})") from error
    if root is None:
        raise ValueError("it is not XML (empty)")
    return root


def local_name(element: Any) -> str:
    """The name of an element without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute by its name without namespace; empty if there is none."""
    for key, value in element.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
