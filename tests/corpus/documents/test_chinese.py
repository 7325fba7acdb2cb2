"""Chinese characters are converted by their words, and without the library it says so."""

from __future__ import annotations

import sys

import pytest

from danlu.corpus.documents.chinese import converter
from danlu.errors import UserError


def test_words_decide() -> None:
    pytest.importorskip("opencc")
    simplify, complicate = converter("simplified"), converter("traditional")
    assert (
        simplify("牀前看月光，疑是地上霜。\n乾隆乾燥 English 丹爐") == "床前看月光，疑是地上霜。\n乾隆干燥 English 丹炉"
    )
    assert complicate("头发发现干燥皇后以后") == "頭髮發現乾燥皇后以後"


def test_missing_library_is_one_line_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(UserError, match="needs the package opencc") as caught:
        converter("simplified")
    assert caught.value.hint == "Install it with: pip install 'danlu[chinese]'"
