"""Every number against plain Python over the same files."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from danlu.artifacts.corpus import DOCUMENT_SCHEMA, CorpusWriter, read_documents
from danlu.artifacts.dropped import DroppedWriter, read_dropped
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.tags import TagsWriter, read_tags
from danlu.corpus.config import CleanConfig
from danlu.corpus.dropped import EXACT, NEAR
from danlu.corpus.inspecting.grouping import MOST_GROUPS, common_folder, grouped
from danlu.corpus.inspecting.inspection import Inspection, inspect
from danlu.corpus.inspecting.reasons import filter_of
from danlu.corpus.inspecting.subject import Subject

Cleaned = Callable[..., Subject]
Texts = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, clean_into: Cleaned, many: Texts) -> Subject:
    long = {"text": many(1, 11)[0]["text"] * 90}
    damaged = {"text": many(1, 503)[0]["text"] + " caf\ufffd and more."}
    rows = [*many(150), {"text": None}, {"text": ""}, long, damaged, *many(20)]
    nearly = [{"text": row["text"] + " Light."} for row in many(40) if len(row["text"]) > 500]
    chinese = [{"text": "山中有流水，借问不知名。映地为天色，飞空作雨声。" * n} for n in range(1, 30)]
    files = {
        "web/a.jsonl": rows,
        "web/b.jsonl": [*nearly, {"text": f"write to ann.smith@example.com today. {many(1, 700)[0]['text']}"}],
        "books/c.jsonl": chinese + many(60, 1000),
        "books/d.xyz": [{"text": "x"}],
    }
    settings: dict[str, Any] = {
        "quality": {"gopher_repetition": {"max_top_n_grams": {2: 0.9}, "max_repeated_n_grams": {}}},
        "deduplicate": {"near": 0.8},
        "split": {"validation": 0.1, "test": 0.1},
        "personal": {},
        "label": {"*web*": "web", "*books*": "books"},
        "rights": {"*/web/*": {"licence": "CC-BY-4.0", "collected": 2024}},
    }
    return clean_into(tmp_path_factory.mktemp("cleaned"), files, **settings)


@pytest.fixture(scope="module")
def kept(subject: Subject) -> list[dict[str, Any]]:
    return [
        {**row, "split": split}
        for split in SPLITS
        for batch in read_documents(subject.directory, split)
        for row in batch.to_pylist()
    ]


@pytest.fixture(scope="module")
def dropped(subject: Subject) -> list[dict[str, Any]]:
    return [row for row in read_dropped(subject.directory) if not row["source"].endswith(".xyz")]


@pytest.fixture(scope="module")
def found(subject: Subject) -> Inspection:
    return inspect(subject)


def test_sizes(found: Inspection, kept: list[dict[str, Any]]) -> None:
    for split in SPLITS:
        texts = [row["text"] for row in kept if row["split"] == split]
        sizes = found.splits[split]
        assert sizes.num_rows == len(texts) > 0
        assert sizes.num_characters == sum(map(len, texts))
        assert sizes.num_bytes == sum(len(text.encode()) for text in texts)
    assert found.total.num_rows == len(kept)
    assert found.num_damaged == sum("\ufffd" in row["text"] for row in kept) == 1
    assert [file["source"] for file in found.files_set_aside] == ["raw/books/d.xyz"]


def test_lengths(found: Inspection, kept: list[dict[str, Any]]) -> None:
    lengths = sorted(len(row["text"]) for row in kept)
    assert found.lengths.mean == pytest.approx(sum(lengths) / len(lengths))
    assert found.lengths.quantiles["0"] == lengths[0]
    assert found.lengths.quantiles["1"] == lengths[-1]
    assert found.lengths.quantiles["0.5"] == lengths[(len(lengths) + 1) // 2 - 1]
    histogram = found.lengths.histogram
    for low, high, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        assert count == sum(low <= length < high for length in lengths)
    assert sum(histogram.counts) == len(lengths)
    assert [each["characters"] for each in found.lengths.longest] == lengths[::-1][:8]
    fences = found.lengths.fences
    assert fences is not None
    low, high = np.quantile(np.log(lengths), [0.25, 0.75])
    assert fences[1] == pytest.approx(np.exp(high + 3 * (high - low)))
    assert found.lengths.num_outlying == sum(not fences[0] <= length <= fences[1] for length in lengths)


def short(reason: str) -> str:
    """Without what is repeated."""
    return reason.partition(" of ")[0] if " duplicate of " in reason else reason


def test_the_funnel_and_its_reasons(
    found: Inspection, kept: list[dict[str, Any]], dropped: list[dict[str, Any]]
) -> None:
    reasons = Counter(short(row["reason"]) for row in dropped)
    assert found.funnel.num_read == len(kept) + len(dropped)
    assert found.funnel.num_kept == len(kept)
    left, by_reason = found.funnel.num_read, Counter[str]()
    for step in found.funnel.steps:
        left -= step.num_left_out
        assert step.num_left == left
        assert step.num_left_out == sum(step.reasons.values())
        assert {filter_of(reason) for reason in step.reasons} == {step.filter}
        by_reason.update(step.reasons)
    assert left == len(kept)
    assert by_reason == reasons
    order = ["reading", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality", EXACT, NEAR]
    names = [step.filter for step in found.funnel.steps]
    assert names == [name for name in order if name in names]
    assert {"reading", "gopher_quality", EXACT, NEAR} <= set(names)


def test_repetitions(found: Inspection, dropped: list[dict[str, Any]]) -> None:
    exact = [row for row in dropped if row["reason"].startswith("exact duplicate")]
    near = [row for row in dropped if row["reason"].startswith("near duplicate")]
    assert exact
    assert near
    assert (found.repeats.num_exact, found.repeats.num_near) == (len(exact), len(near))
    firsts = Counter(row["reason"].split(" of ")[1][:16] for row in exact + near)
    assert found.repeats.num_clusters == len(firsts)
    sizes = [cluster.num_exact + cluster.num_near for cluster in found.repeats.clusters]
    assert sizes == sorted(firsts.values(), reverse=True)[: len(sizes)]
    assert all(firsts[cluster.id] == size for cluster, size in zip(found.repeats.clusters, sizes, strict=True))
    assert sum(count for _, _, count in found.repeats.by_source) == len(exact + near)


def test_sources_and_their_rights(
    found: Inspection, kept: list[dict[str, Any]], dropped: list[dict[str, Any]], subject: Subject
) -> None:
    assert {source.name for source in found.sources} == {"raw/web/a.jsonl", "raw/web/b.jsonl", "raw/books/c.jsonl"}
    for source in found.sources:
        mine = [row for row in kept if row["source"] == source.name]
        gone = [short(row["reason"]) for row in dropped if row["source"] == source.name]
        assert (source.num_kept, source.num_read) == (len(mine), len(mine) + len(gone))
        assert source.num_characters == sum(len(row["text"]) for row in mine)
        assert [each.licence for each in source.rights] == (["CC-BY-4.0"] if "web" in source.name else [])
        assert source.num_silent == (0 if "web" in source.name else 1)
        assert source.score is not None
        repeating = sum(reason in (EXACT, NEAR) for reason in gone)
        unreadable = sum(filter_of(reason) == "reading" for reason in gone)
        filtered = len(gone) - repeating - unreadable
        readable = source.num_read - unreadable
        damaged = sum("\ufffd" in row["text"] for row in mine)
        assert source.score.components["readable"] == pytest.approx(
            readable / source.num_read * (1 - damaged / len(mine))
        )
        assert source.score.components["passing"] == pytest.approx(1 - filtered / readable)
        assert source.score.components["unique"] == pytest.approx(1 - repeating / (readable - filtered))
    assert found.personal is not None
    assert found.personal.by_kind == subject.facts["num_personal"]


def test_classes(found: Inspection, kept: list[dict[str, Any]]) -> None:
    assert found.classes is not None
    for label, by_split in found.classes.counts.items():
        for split, count in by_split.items():
            assert count == sum((row["label"], row["split"]) == (label, split) for row in kept)
    learnt = [by_split["train"] for by_split in found.classes.counts.values()]
    assert found.classes.ratio == pytest.approx(max(learnt) / min(learnt))


def test_scripts(found: Inspection, kept: list[dict[str, Any]]) -> None:
    letters = "".join(character for row in kept for character in row["text"][:2000] if character.isalpha())
    han = sum("\u4e00" <= character <= "\u9fff" for character in letters)
    assert found.languages.scripts.get("Han", 0.0) == pytest.approx(han / len(letters))
    assert sum(found.languages.scripts.values()) == pytest.approx(1)


def test_values_of_tags(found: Inspection, subject: Subject) -> None:
    rows = [row for batch in read_tags(subject.directory) for row in batch.to_pylist()]
    by_name = {values.name: values for values in found.values}
    for tag in ("gopher_quality@1/num_words", "gopher_quality_chinese@1/num_words", "c4@1/num_sentences"):
        known = sorted(row[tag] for row in rows if row[tag] is not None)
        values = by_name[tag]
        assert (values.num_values, values.num_missing) == (len(rows), len(rows) - len(known))
        assert (values.quantiles["0"], values.quantiles["1"]) == (known[0], known[-1])
        low, high = np.quantile(known, [0.25, 0.75])
        width = 3 * (high - low)
        assert values.num_outlying == sum(not low - width <= value <= high + width for value in known)


def test_samples_show_what_decided(found: Inspection, dropped: list[dict[str, Any]], subject: Subject) -> None:
    tags = {row["id"]: row for batch in read_tags(subject.directory) for row in batch.to_pylist()}
    for each in found.samples:
        assert each.num_left_out >= len(each.left_out) > 0
        for row in each.left_out:
            assert any(row.text == other["text"] and row.row == other["row"] for other in dropped)
            if each.tag:
                assert row.number == tags[row.id][each.tag]
                assert (row.number < each.threshold) == each.is_lowest
        for row in each.kept:
            if each.tag:
                stays = [
                    other[each.tag]
                    for other in tags.values()
                    if other["reason"] is None and other[each.tag] is not None
                ]
                assert abs(row.number - each.threshold) <= sorted(abs(v - each.threshold) for v in stays)[2]
    assert inspect(subject).samples == found.samples
    assert inspect(subject, seed=1).samples != found.samples


def test_it_is_json(found: Inspection) -> None:
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["total"]["num_rows"] == found.total.num_rows


def test_conversations(cleaned: Cleaned) -> None:
    rows = [{"prompt": f"Who is {n}?", "completion": "好" * n} for n in range(1, 40)] + [{"prompt": "q"}]
    found = inspect(cleaned({"a.jsonl": rows}, into="examples"))
    assert found.total.num_rows == 39
    assert found.total.num_characters == sum(len(f"Who is {n}?\n") + n for n in range(1, 40))
    assert found.unit == "conversations"
    assert found.funnel.steps[0].filter == "reading"


def test_nothing_at_all(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path), DroppedWriter(tmp_path):
        pass
    found = inspect(Subject("none", "corpus", tmp_path, {"num_dropped": 0}, ["raw"]))
    assert (found.total.num_rows, found.funnel.num_read, found.sources) == (0, 0, [])
    assert json.dumps(found.to_json(), allow_nan=False)


def test_many_files_are_put_together() -> None:
    names = [f"x#d/poet.{era}.{n}.json" for era in ("song", "tang") for n in range(100)]
    assert set(grouped(names).values()) == {"x#d/poet.song.*.json", "x#d/poet.tang.*.json"}
    deep = [f"/data/{top}/{name}{name}.txt" for top in "abc" for name in map(chr, range(0x4E00, 0x4E40))]
    assert set(grouped(deep).values()) == {"/data/a/", "/data/b/", "/data/c/"}
    assert len(set(grouped([f"{n}/x" for n in map(chr, range(0x4E00, 0x4F00))]).values())) <= MOST_GROUPS
    assert common_folder(["/data/a/x", "/data/a/y"]) == "/data/a/"
    assert common_folder(["x#ab", "x#ac"]) == "x#"
    assert common_folder(["abc"]) == ""


def test_a_hundred_thousand_documents_take_seconds(tmp_path: Path) -> None:
    number = 100_000
    ids = [f"{n:016x}" for n in range(1, number + 1)]
    text = pa.array([f"{n} words of the river and the stone" for n in range(number)])
    source = pa.array(["raw/a.jsonl"] * number)
    rows = pa.array(range(number), pa.int64())
    nulls = pa.nulls(number)
    known = {"id": pa.array(ids), "text": text, "source": source, "row": rows}
    columns = [known.get(field.name, pa.nulls(number, field.type)) for field in DOCUMENT_SCHEMA]
    tag = pa.array(np.arange(number) % 97, pa.float64())
    with CorpusWriter(tmp_path) as writer, DroppedWriter(tmp_path), TagsWriter(tmp_path) as tags:
        writer.write("train", pa.RecordBatch.from_arrays(columns, schema=DOCUMENT_SCHEMA))
        place = {"id": pa.array(ids), "source": source, "row": rows}
        split = {"split": pa.array(["train"] * number), "reason": nulls.cast(pa.string())}
        tags.write(pa.RecordBatch.from_pydict({**place, **split, "gopher_quality@1/num_words": tag}))
    config = CleanConfig.model_validate({"do": "clean", "into": "corpus", "from": "raw", "quality": {}})
    begun = time.process_time()
    found = inspect(Subject("many", "corpus", tmp_path, {"num_dropped": 0}, ["raw"], config))
    assert time.process_time() - begun < 20  # about 1 s; a loop in Python over rows and tags takes minutes
    assert found.total.num_rows == number
    curve = next(curve for curve in found.curves if curve.setting == "quality.gopher_quality.min_words")
    assert dict(zip(curve.places, curve.kept, strict=True))[50] == int((np.arange(number) % 97 >= 50).sum())
