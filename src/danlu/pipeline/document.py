"""A YAML file as plain data in which every key still knows its line.

Stricter than YAML at three points: a key that appears twice is an error, keys are text, and dates are not recognised
(``2024-01-01`` stays text). Looser at one: ``1e-4`` is a number, as in YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from danlu.errors import UserError

Place = tuple[str | int, ...]
"""Keys and list positions from the top of the document, for example ``("stages", "base", "from", 0)``."""

MAX_NODES = 100_000
"""Aliases can make a small file expand without end; a recipe has some hundreds of nodes."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1 without dates and with floats such as ``1e-4``."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass
class Document:
    """Data from a YAML file.

    Attributes:
        file: The file as the user named it.
        data: Dicts, lists and scalars.
        origins: Where each key or list item stands, for example ``recipe.yaml:12`` or ``--set a.b=1``.
    """

    file: str
    data: dict[str, Any]
    origins: dict[Place, str]

    def where(self, place: Place) -> str:
        """Where `place` stands, or the nearest thing around it that does."""
        while place not in self.origins:
            place = place[:-1]
        return self.origins[place]


def parse_value(text: str) -> Any:
    """One YAML value, as given after ``--set a.b=``.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, Loader=_Loader)  # _Loader is a SafeLoader


def read_document(path: Path) -> Document:
    """Read the file.

    Raises:
        UserError: there is no such file, or it is not text, not YAML, empty, or not a mapping; the line is named.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no recipe {file!r}.", f"{_recipes_near(path)}") from None
    except IsADirectoryError:
        raise UserError(f"{file!r} is a directory, not a recipe.", f"{_recipes_near(path / 'x')}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{file}:1: this is not a text file (byte {error.start} is not UTF-8).",
            "A recipe is a YAML file; see recipes/ for examples.",
        ) from None
    except OSError as error:
        raise UserError(f"{file!r} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise UserError(
                f"{file}:1: the file is empty.", "A recipe has a name and stages; see recipes/ for examples."
            )
        builder = _Builder(file, loader)
        data = builder.build(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(
            f"{file}:{line}: this is not YAML: {error.problem or error.context}.",
            "Look at the indentation, colons and quotes on this line and the one before it.",
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{file}:{line}: this is not YAML: the character #x{error.character:02x} may not stand in it.",
            "Remove the character; most editors can show it.",
        ) from None
    except RecursionError:
        raise UserError(f"{file}:1: the file is nested too deeply.", "A recipe needs about five levels.") from None
    if not isinstance(data, dict):
        raise UserError(
            f"{builder.origins[()]}: a recipe is a mapping with the keys name and stages, not {describe(data)}.",
            "See recipes/ for examples.",
        )
    return Document(file, data, builder.origins)


class _Builder:
    """Turns YAML nodes into data and notes where each came from."""

    def __init__(self, file: str, loader: _Loader) -> None:
        self.file = file
        self.loader = loader
        self.origins: dict[Place, str] = {}
        self._checked: set[int] = set()
        self._open: set[int] = set()

    def build(self, node: yaml.Node, place: Place) -> Any:
        where = f"{self.file}:{node.start_mark.line + 1}"
        self.origins.setdefault(place, where)
        if len(self.origins) > MAX_NODES or id(node) in self._open:
            raise UserError(f"{where}: the aliases (*name) expand without end.", "Write the values out.")
        self._open.add(id(node))
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        else:
            value = self._scalar(node, where)
        self._open.discard(id(node))
        return value

    def _scalar(self, node: yaml.Node, where: str) -> Any:
        try:
            return self.loader.construct_object(node)  # type: ignore[no-untyped-call]
        except ValueError:  # for example !!int x, or 0x without digits
            raise UserError(
                f"{where}: {node.value!r} is not a {node.tag.split(':')[-1]}.", "Correct the value."
            ) from None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        if id(node) not in self._checked:  # an alias brings the same node again, with its merges already done
            self._checked.add(id(node))
            self._refuse_duplicates(node)
            self.loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            self.origins[(*place, key)] = f"{self.file}:{key_node.start_mark.line + 1}"
            result[key] = self.build(value_node, (*place, key))
        return result

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        first_lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self._key(key_node), key_node.start_mark.line + 1
            if key in first_lines:
                raise UserError(
                    f"{self.file}:{line}: the key {key!r} was already given on line {first_lines[key]}.",
                    "Keep one of the two.",
                )
            first_lines[key] = line

    def _key(self, node: yaml.Node) -> str:
        where = f"{self.file}:{node.start_mark.line + 1}"
        key = self._scalar(node, where) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, str):
            return key
        seen = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        raise UserError(
            f"{where}: the key {seen} is {describe(key)} to YAML, and keys must be text.",
            f'Put it in quotes: "{seen}".',
        )


def describe(value: Any) -> str:
    """A value in words, for error messages: ``the text 'abc'``, ``the number 3``, ``a list``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value if len(value) <= 60 else value[:57] + '...'!r}"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else f"{value!r}"


def _recipes_near(path: Path) -> str:
    try:
        near = sorted(str(found) for found in path.parent.glob("*.y*ml"))[:5]
    except OSError:
        near = []
    return (
        f"Recipes there: {', '.join(near)}."
        if near
        else "Give the path of a recipe, for example recipes/assistant.yaml."
    )
