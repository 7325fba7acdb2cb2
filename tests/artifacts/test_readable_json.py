from __future__ import annotations

import json
from pathlib import Path

from danlu.artifacts.readable_json import write_json


def test_what_is_written_reads_back_and_can_be_read_by_people(tmp_path: Path) -> None:
    content = {"name": "丹炉", "losses": [1.5, 2.0]}
    write_json(tmp_path / "facts.json", content)
    text = (tmp_path / "facts.json").read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert '\n  "name": "丹炉",\n' in text
    assert text.endswith("}\n")
