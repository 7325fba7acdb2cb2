"""``danlu classify`` beside transformers' own pipeline."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from transformers import pipeline

from danlu.cli.main import run_cli
from encoder_toys import CLASSES, save_encoder

TEXTS = ["床前明月光", "Raise a glass, and ask the sky", "?" * 20]


@pytest.fixture
def classifier_dir(tmp_path: Path) -> Path:
    save_encoder("classification", tmp_path / "poems")
    return tmp_path / "poems"


def test_classes_and_probabilities_are_transformers_own(
    classifier_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["classify", str(classifier_dir), "--json", *TEXTS]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in said] == TEXTS
    theirs = pipeline("text-classification", model=str(classifier_dir), top_k=None)(TEXTS)
    for line, expected in zip(said, theirs, strict=True):
        assert line["label"] == expected[0]["label"]
        assert line["probability"] == max(line["probabilities"].values())
        assert line["probabilities"] == pytest.approx({each["label"]: each["score"] for each in expected}, abs=1e-5)
        assert not line["is_cut"]


def test_lines_of_standard_input(
    classifier_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.cli.classify.TEXTS_AT_ONCE", 2)
    long = "long " * 100
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(["one", "", "two\t2", long, "\x1b[2J"])))
    assert run_cli(["classify", str(classifier_dir)]) == 0
    said = capsys.readouterr()
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert [text for _, _, text in lines] == ["one", "two 2", long.strip(), "[2J"]
    assert all(label in CLASSES and 1 / 3 <= float(share) <= 1 for label, share, _ in lines)
    assert "1 texts are longer than the 128 tokens that are read" in said.err


def test_what_is_no_classifier_is_refused(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["classify", str(tiny_model_dir), "text"]) == 2
    assert "holds no classifier (LlamaForCausalLM)" in capsys.readouterr().err
    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    assert run_cli(["classify", str(tmp_path / "some.gguf"), "text"]) == 2
    assert "GGUF file only" in capsys.readouterr().err
    assert run_cli(["classify", str(tmp_path / "nothing"), "text"]) == 2
    assert "There is no model at" in capsys.readouterr().err
