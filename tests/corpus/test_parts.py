"""However many processes work on the parts, and however often they are stopped, the same bytes come out."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.manifest import Manifest, SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Input, Source, StageContext
from danlu.artifacts.store import Artifact
from danlu.artifacts.tags import tag_names
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.corpus.scoring.n_grams import train
from danlu.corpus.scoring.scorer import save_scorer
from danlu.corpus.working import driver, pool
from danlu.errors import Stopped

WORDS = [*"丹炉炼金术士的夜晚", *"the fox went out on a chilly night and prayed to the moon".split()]  # noqa: SIM905
Clean = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several kinds with repetitions within and between them, and one that ends in the middle."""
    rng = random.Random(11)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(5, 40))) for _ in range(400)]
    texts += [f"{text} 再来" for text in rng.sample(texts, 60)] + rng.sample(texts, 60)
    rng.shuffle(texts)
    found = tmp_path / "raw"
    found.mkdir()
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    (found / "a.jsonl").write_text("\n".join([*lines[:200], "{broken", *lines[200:300]]), encoding="utf-8")
    (found / "b.txt").write_text("\n".join(texts[300:400]), encoding="utf-8")
    packed = gzip.compress("\n".join(lines[400:]).encode(), mtime=0)
    (found / "c.jsonl.gz").write_bytes(packed[: len(packed) * 3 // 4])
    return found


@pytest.fixture
def clean(
    tmp_path: Path, folder: Path, context_in: Callable[..., StageContext], monkeypatch: pytest.MonkeyPatch
) -> Clean:
    monkeypatch.setattr(driver, "PART_BYTES", 5000)
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)

    def run(name: str, inputs: Mapping[str, list[Input]] | None = None, **settings: Any) -> Path:
        source = Source(folder, SourceRecord(uri="file:raw", sha256="0" * 64, num_bytes=0))
        content = {"do": "clean", "into": "corpus", "from": "file:raw", "documents": "lines", **settings}
        config = CleanConfig.model_validate(
            {**content, "deduplicate": {"near": 0.8}, "split": {"validation": 0.1, "test": 0.1}}
        )
        (tmp_path / name).mkdir(exist_ok=True)
        context = context_in(tmp_path / name, [source], inputs)
        out = tmp_path / f"{name}-out"
        out.mkdir(exist_ok=True)
        stage.run(config, context, out)
        return out

    return run


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def test_two_processes_write_what_one_writes(clean: Clean, reporter: Any, tmp_path: Path) -> None:
    one, two = clean("one", processes=1), clean("two", processes=2)
    assert contents(one) == contents(two)
    rows = [row for split in SPLITS for batch in read_documents(one, split) for row in batch.to_pylist()]
    dropped = read_dropped(one)
    numbers = [row["row"] for row in [*rows, *dropped] if row["source"] == "file:raw/a.jsonl"]
    assert sorted(numbers) == list(range(301)), "each row is there once, counted from the beginning of its file"
    (broken,) = [row for row in dropped if row["reason"].startswith("it is not JSON")]
    assert broken["row"] == 200
    texts = {row["text"]: row["row"] for row in rows if row["source"] == "file:raw/b.txt"}
    lines = (tmp_path / "raw" / "b.txt").read_text(encoding="utf-8").split("\n")
    assert all(lines[row] == text for text, row in texts.items())
    assert any("c.jsonl.gz: this is not a whole gzip file" in warning for warning in reporter.warnings)
    assert any(row["source"] == "file:raw/c.jsonl.gz" for row in rows), "what was read before stays"


def test_what_was_done_before_a_stop_is_not_done_again(
    clean: Clean, reporter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = contents(clean("whole", processes=1))
    worked_on, done = pool.worked_on, []

    def interrupted(tasks: Any, num_processes: int, do: Any, scratch: Path) -> Any:
        for task in worked_on(tasks, num_processes, do, scratch):
            done.append(task.part.number)
            yield task
            if len(done) == 4:
                raise Stopped(15, "")

    monkeypatch.setattr(pool, "worked_on", interrupted)
    with pytest.raises(Stopped):
        clean("cut", processes=1)
    monkeypatch.setattr(pool, "worked_on", worked_on)
    assert contents(clean("cut", processes=2)) == expected
    assert any(message.startswith("Going on from 4 of ") for message in reporter.messages)


def test_tags_do_not_depend_on_processes(clean: Clean, tmp_path: Path) -> None:
    """Also where processes load a scorer, which comes to them as a path."""
    scorer = Artifact(tmp_path / "scorer", Manifest.model_construct(id="0", kind="scorer", facts={}))
    scorer.path.mkdir()
    save_scorer(train(WORDS, 2, 1), "n_grams", scorer.path)
    settings = {
        **{"unicode": {}, "boilerplate": {}, "language": {}, "toxicity": {}},
        "scorers": {"words": {"at_most": 100}},
    }
    inputs = {"scorers": [Input("words", "scorer", None, scorer, {})]}
    one = clean("one", inputs=inputs, processes=1, **settings)
    two = clean("two", inputs=inputs, processes=2, **settings)
    assert "scorer/words" in tag_names(one)
    assert contents(one) == contents(two)
