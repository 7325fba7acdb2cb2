"""Whoever waits for the compiler is told so, once; who does not wait is told nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from danlu.corpus.compiling import NOTICE, telling

SOURCE = """
from danlu.corpus.compiling import kernel

@kernel
def double(value):
    return 2 * value
"""


def loaded(path: Path) -> Any:
    """The module anew, as another process has it."""
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compiling_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "doubling.py"
    path.write_text(SOURCE)
    said: list[str] = []
    first = loaded(path)
    with telling(said.append):
        assert (first.double(2), first.double(2.5)) == (4, 5)
    assert said == [NOTICE]
    with telling(said.append):
        assert (loaded(path).double(2), first.double(3)) == (4, 6)
    assert said == [NOTICE], "machine code was there"
    assert first.double(1j) == 2j
    assert said == [NOTICE], "nobody listens any more"
