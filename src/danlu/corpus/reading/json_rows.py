"""Rows written in JSON: one list of them, or one a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any

from danlu.corpus.encodings import CONVERT_HINT, invalid_byte
from danlu.corpus.files import BadFileError
from danlu.corpus.reading.blocks import blocks
from danlu.corpus.reading.row import TOO_LONG, Unreadable

HINT = "A .json file holds one list of rows, [{...}, {...}], or a single row, {...}."
LINES_HINT = "A .jsonl file holds one row a line: {...}"
READ_BYTES = 2**20
MOST_ROW_CHARACTERS = 2**26
MOST_WHOLE_CHARACTERS = 2**28
"""Of a mapping that holds the rows, which has to be held as a whole."""
OF_ONE_ROW = ("messages", "conversations")
"""Lists of mappings with these names are a row's own."""
WHITE = " \t\r\n"
TOO_LONG_NUMBER = "a number has too many digits"


def read_lines(stream: BufferedIOBase, encoding: str, start: int = 0, stop: int | None = None) -> Iterator[Any]:
    """One JSON row a line; empty lines do not count."""
    for block in blocks(stream, start, stop):
        # Not splitlines(): JSON strings may hold U+2028 and its like as they are.
        for line in block.data.split(b"\n"):
            if line and not line.isspace():
                yield _row_of(line, encoding)
        if block.passed_over:
            yield Unreadable(TOO_LONG, "")


def are_lines(beginning: str) -> bool:
    """Whether a file called .json holds JSON lines, as is often so."""
    first, line_feed, rest = beginning.lstrip().partition("\n")
    if not line_feed or not first.startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict) and (not rest.strip() or rest.lstrip().startswith("{"))
    except (json.JSONDecodeError, RecursionError):
        return False


def _row_of(line: bytes, encoding: str) -> Any:
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as error:
        return Unreadable(invalid_byte(error, encoding), line.decode(encoding, "replace"))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        return Unreadable(f"it is not JSON ({error.msg})", text)
    except RecursionError:
        return Unreadable("it is nested too deeply", text)
    except ValueError:
        return Unreadable(TOO_LONG_NUMBER, text)


def read_list(stream: BufferedIOBase, encoding: str, name: str) -> Iterator[Any]:
    """The rows of one JSON list, of which it holds one at a time, or of the only list of rows in a mapping; a mapping
    without one is a row itself.

    Raises:
        BadFileError: it is neither.
    """
    text = _Text(stream, encoding, name)
    first = text.next_character()
    if first == "[":
        yield from _elements(text, name)
    else:
        most = MOST_WHOLE_CHARACTERS if first == "{" else MOST_ROW_CHARACTERS
        yield from _of_whole(text.rest(most), name)


def _elements(text: _Text, name: str) -> Iterator[Any]:
    text.take("[")
    if text.next_character() == "]":
        return
    while True:
        yield text.value()
        following = text.next_character()
        text.take(following)
        if following == "]":
            return
        if following != ",":
            raise text.bad("Expecting ',' delimiter")


def _of_whole(text: str, name: str) -> Iterator[Any]:
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        problem = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise BadFileError(name, f"this is not JSON ({problem})", HINT, place) from error
    if not isinstance(value, dict):
        raise BadFileError(name, f"it holds a JSON {type(value).__name__} instead of a list of rows", HINT)
    lists = {key: found for key, found in value.items() if _is_list_of_mappings(found)}
    if not lists or not lists.keys().isdisjoint(OF_ONE_ROW):
        yield value
    elif len(lists) == 1:
        yield from next(iter(lists.values()))
    else:
        reason = f"it holds several lists of rows ({', '.join(list(lists)[:6])})"
        raise BadFileError(name, reason, HINT)


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


class _Text:
    """A stream of characters of which only what is looked at is held."""

    def __init__(self, stream: BufferedIOBase, encoding: str, name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._encoding = encoding
        self._name = name
        self._held = ""
        self._at = 0
        self._lines = 1
        """Number of the line at the beginning of what is held."""
        self._is_over = False
        self._json = json.JSONDecoder()

    def next_character(self) -> str:
        """Behind white space; empty at the end."""
        while True:
            while self._at < len(self._held) and self._held[self._at] in WHITE:
                self._at += 1
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def take(self, characters: str) -> None:
        self._at += len(characters)

    def value(self) -> Any:
        """The next JSON value.

        Raises:
            BadFileError: there is none, or it is longer than can be.
        """
        if not self.next_character():
            raise self.bad("Expecting value")
        while True:
            try:
                value, end = self._json.raw_decode(self._held, self._at)
            except RecursionError:
                raise self.bad("it is nested too deeply") from None
            except json.JSONDecodeError as error:
                # What is there may only be the beginning of a value; a mistake before the end is one.
                if len(self._held) - self._at > MOST_ROW_CHARACTERS:
                    raise self.bad(f"a row of more than {MOST_ROW_CHARACTERS:,} characters") from None
                if not self._more(at_least=len(self._held) - self._at):
                    self._at = error.pos
                    raise self.bad(error.msg) from None
            except ValueError:
                raise self.bad(TOO_LONG_NUMBER) from None
            else:
                if end == len(self._held) and isinstance(value, int | float) and self._more():
                    continue  # a number may go on
                self._at = end
                return value

    def rest(self, most: int) -> str:
        """All that is left.

        Raises:
            BadFileError: it is more than `most` characters.
        """
        while self._more(at_least=len(self._held) - self._at):
            if len(self._held) > most:
                raise self.bad(f"a value of more than {most:,} characters")
        return self._held[self._at :]

    def bad(self, problem: str) -> BadFileError:
        line = self._lines + self._held.count("\n", 0, self._at)
        return BadFileError(self._name, f"this is not JSON ({problem})", HINT, f"line {line}")

    def _more(self, at_least: int = 0) -> bool:
        """Hold more, if there is more; what lies behind is let go."""
        if self._is_over:
            return False
        data = self._stream.read(max(READ_BYTES, at_least))
        self._lines += self._held.count("\n", 0, self._at)
        try:
            new = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line = self._lines + self._held.count("\n", self._at) + data.count(b"\n", 0, error.start)
            reason = invalid_byte(error, self._encoding)
            raise BadFileError(self._name, reason, CONVERT_HINT, f"line {line}") from error
        self._held, self._at = self._held[self._at :] + new, 0
        self._is_over = not data
        return bool(data)
