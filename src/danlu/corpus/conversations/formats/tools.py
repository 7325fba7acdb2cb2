"""Tools: which functions there are, and calls of them, in the form in which chat templates take them."""

from __future__ import annotations

import json
from typing import Any

from danlu.corpus.conversations.conversation import BadRowError

COLUMNS = frozenset({"tools", "functions"})


def tools_of(row: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The functions a row lets the assistant call, each as ``{"type": "function", "function": {...}}``.

    Raises:
        BadRowError: there is something else in their place.
    """
    value = next((row[column] for column in ("tools", "functions") if row.get(column)), None)
    if isinstance(value, str):
        value = _parsed(value, "'tools' is not JSON")
    if not value:
        return None
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise BadRowError("'tools' is not a list of functions")
    return [tool if "function" in tool else {"type": "function", "function": tool} for tool in value]


def calls_of(value: Any) -> list[dict[str, Any]]:
    """One call or several, as mappings or JSON of them.

    Raises:
        BadRowError: they are none.
    """
    if isinstance(value, str):
        value = _parsed(value, "a tool call is not JSON")
    calls = value if isinstance(value, list) else [value]
    if not all(isinstance(call, dict) for call in calls):
        raise BadRowError("'tool_calls' is not a list of calls")
    return [_call(call) for call in calls]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function", call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRowError("a tool call has no function name")
    arguments = function.get("arguments", function.get("parameters")) or {}
    if isinstance(arguments, str):
        arguments = _parsed(arguments, "the arguments of a tool call are not JSON")
    found = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
    return {**found, "id": call["id"]} if isinstance(call.get("id"), str) else found


def _parsed(text: str, problem: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise BadRowError(problem) from None
