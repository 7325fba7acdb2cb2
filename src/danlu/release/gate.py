"""The gate of a release: a condition over facts, such as ``proof.loss.tuned < proof.loss.base``.

It is parsed by Python's own parser and walked node by node; only what is named here is known. Nothing is ever passed to
``eval``. Powers, calls, subscripts and strings are not part of the language, so a gate ends quickly whatever it says.
Unlike in Python, a hyphen inside a word belongs to it, as in ``files.formats.gguf-q8_0.kl_mean_nats``; a minus stands
between blanks.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from danlu.errors import UserError, did_you_mean

LONGEST_GATE = 500
"""Characters."""
SLIP = 0.85
"""From this similarity (of `difflib`) on, one name is taken for a slip of another."""
LARGEST_NUMBER = 1e300
GRAMMAR = "A gate has names like proof.loss.tuned, numbers, + - * /, comparisons, and, or, not, parentheses."

ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

WORDS = re.compile(r"(?<![\w.])[^\W\d]\w*(?:[.-]\w+)*")
HYPHEN = "\u30fc"
"""Stands for a hyphen inside a word while Python parses it: a letter that nobody writes in a fact's name."""

Facts = Mapping[str, Mapping[str, Any]]
"""The facts of a release's inputs, by the recipe's name for them."""


def check_syntax(gate: str) -> None:
    """
    Raises:
        ValueError: `gate` is not written in the gate's language.
    """
    try:
        _check(_parse(gate), gate, condition=True)
    except RecursionError:
        raise ValueError(f"the gate {gate!r} is nested too deeply") from None


def names(gate: str) -> list[str]:
    """The names that a well-formed gate asks for, written with dots, each once."""
    return [".".join(path) for path in _paths(gate)]


def _paths(gate: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(_names(_parse(gate))))


def check_names(gate: str, facts: Facts, foretold: Collection[str]) -> None:
    """Check before anything is made that every name of the gate will exist, as far as that is known.

    Args:
        gate: A well-formed gate.
        facts: A fact that is None is one whose value will be known later.
        foretold: Inputs whose facts come from a plan. Facts may be added when they are made, so a name that a plan does
            not mention is refused only if it looks like a slip of one that it does.

    Raises:
        UserError: a name will not exist, with the closest one that does.
    """
    for path in _paths(gate):
        words = path[:2] if len(path) > 1 else ()
        if words and words[0] in foretold and words[0] in facts and words[1] not in (known := facts[words[0]] or {}):
            if get_close_matches(words[1], list(known), n=1, cutoff=SLIP):
                _look_up(path, facts)
            continue
        _look_up(path, facts)


def values(gate: str, facts: Facts) -> dict[str, float]:
    """The value of every name in the gate.

    Raises:
        UserError: a name does not exist or is no number.
    """
    found = {}
    for path in _paths(gate):
        name, value = ".".join(path), _look_up(path, facts)
        if not isinstance(value, (int, float)):  # a truth value counts as 0 or 1
            raise UserError(
                f"The gate asks for {name}, which is no number but {type(value).__name__}.",
                _inside(name, value) if isinstance(value, Mapping) else "Compare numbers in the gate.",
            )
        found[name] = float(value)
    return found


def holds(gate: str, known: Mapping[str, float]) -> bool:
    """Whether the gate holds for the values that `values` found.

    Raises:
        UserError: it divides by zero.
    """
    try:
        return bool(_evaluate(_parse(gate), known))
    except ZeroDivisionError:
        raise UserError(f"The gate divides by zero: {gate}", f"With {describe(known)}.") from None


def describe(known: Mapping[str, float]) -> str:
    """``proof.loss.tuned = 1.52, proof.loss.base = 1.8``"""
    return ", ".join(f"{name} = {value:.6g}" for name, value in known.items())


def _parse(gate: str) -> ast.expr:
    if len(gate) > LONGEST_GATE:
        raise ValueError(f"the gate has {len(gate)} characters, more than {LONGEST_GATE}")
    text = WORDS.sub(lambda match: match.group().replace("-", HYPHEN), gate.strip())
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise ValueError(f"the gate {gate!r} cannot be read: {reason}. {GRAMMAR}") from None


def _check(node: ast.expr, gate: str, *, condition: bool) -> None:
    """Refuse everything that is not the gate's language, and numbers where a condition belongs or the reverse."""
    match node:
        case ast.BoolOp() if condition:
            parts, is_condition = node.values, True
        case ast.UnaryOp(op=ast.Not()) if condition:
            parts, is_condition = [node.operand], True
        case ast.Compare() if condition and all(type(op) in COMPARISONS for op in node.ops):
            parts, is_condition = [node.left, *node.comparators], False
        case ast.BinOp() if not condition and type(node.op) in ARITHMETIC:
            parts, is_condition = [node.left, node.right], False
        case ast.UnaryOp(op=ast.USub()) if not condition:
            parts, is_condition = [node.operand], False
        case ast.Constant(value=int(value) | float(value)) if not condition and _is_number(value):
            return
        case _ if not condition and _path(node):
            return
        case _:
            text = ast.unparse(node).replace(HYPHEN, "-")
            raise ValueError(f"{text!r} cannot stand there in the gate {gate!r}. {GRAMMAR}")
    for part in parts:
        _check(part, gate, condition=is_condition)


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) < LARGEST_NUMBER


def _path(node: ast.expr) -> tuple[str, ...]:
    """``("proof", "loss", "tuned")`` for ``proof.loss.tuned``; empty for anything but a name."""
    match node:
        case ast.Name(id=word):
            return (word.replace(HYPHEN, "-"),)
        case ast.Attribute(value=before, attr=word):
            path = _path(before)
            return (*path, word.replace(HYPHEN, "-")) if path else ()
        case _:
            return ()


def _names(node: ast.expr) -> Iterator[tuple[str, ...]]:
    path = _path(node)
    if path:
        yield path
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _names(child)


def _look_up(path: tuple[str, ...], facts: Facts) -> Any:
    """The fact that `path` leads to; None where it is not known yet."""
    here: Any = facts
    for depth, word in enumerate(path):
        if here is None:
            return None
        if not isinstance(here, Mapping) or word not in here:
            before = ".".join(path[:depth])
            where = f"{before} has nothing called" if before else "the release takes nothing called"
            known = [str(key) for key in here] if isinstance(here, Mapping) else []
            raise UserError(
                f"The gate asks for {'.'.join(path)}, but {where} {word!r}.",
                did_you_mean(word, known) if known else f"{before} holds no further names; leave out what follows it.",
            )
        here = here[word]
    return here


def _inside(name: str, value: Mapping[str, Any]) -> str:
    return f"It holds: {', '.join(f'{name}.{key}' for key in value)}."


def _evaluate(node: ast.expr, known: Mapping[str, float]) -> float:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_evaluate(value, known) for value in node.values)
        case ast.BoolOp():
            return any(_evaluate(value, known) for value in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _evaluate(node.operand, known)
        case ast.UnaryOp():
            return -_evaluate(node.operand, known)
        case ast.BinOp():
            return ARITHMETIC[type(node.op)](_evaluate(node.left, known), _evaluate(node.right, known))
        case ast.Compare():
            sides = [_evaluate(side, known) for side in (node.left, *node.comparators)]
            return all(
                COMPARISONS[type(op)](left, right) for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
            )
        case ast.Constant():
            return float(node.value)  # type: ignore[arg-type]
        case _:
            return known[".".join(_path(node))]
