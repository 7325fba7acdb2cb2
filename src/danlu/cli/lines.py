"""Lines that people type or pipe in, and text that is safe to show them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress

import typer


def typed() -> Iterator[str]:
    """Lines from a person, with line editing and history, until Ctrl-D or Ctrl-C."""
    with suppress(ImportError):
        import readline  # noqa: F401 - input() uses it where it exists
    while True:
        try:
            line = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo(err=True)
            return
        if line:
            yield line


def piped() -> Iterator[str]:
    """Lines of standard input that are not empty."""
    return (line.strip() for line in sys.stdin if line.strip())


def printable(text: str) -> str:
    """Text without control characters: a model must not be able to command the terminal."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def flat(text: str) -> str:
    """The text without line breaks, and as `printable` makes it."""
    return printable(" ".join(text.split()))
