"""``do: clean`` with ``into: corpus`` as a whole: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from danlu.artifacts.corpus import read_documents
from danlu.artifacts.dropped import read_dropped
from danlu.artifacts.manifest import SourceRecord
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.stage import Source, StageContext
from danlu.artifacts.tags import read_tags, tag_names
from danlu.corpus import stage
from danlu.corpus.config import CleanConfig
from danlu.corpus.item import id_of_text
from danlu.errors import UserError

Clean = Callable[..., tuple[dict[str, Any], Path]]
POEM = {"title": "靜夜思", "author": "李白", "paragraphs": ["牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"]}


@pytest.fixture
def clean(tmp_path: Path, context_in: Callable[..., StageContext]) -> Clean:
    """Run the stage on a directory with these files (bytes, text, or what is written as JSON), or on these sources."""

    def run(
        files: dict[str, Any] | None = None, sources: list[Source] | None = None, **settings: Any
    ) -> tuple[dict[str, Any], Path]:
        folder = tmp_path / "raw"
        folder.mkdir()
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not isinstance(content, str | bytes):
                content = json.dumps(content)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        sources = sources or [source(folder)]
        uris = [one.record.uri for one in sources]
        config = CleanConfig.model_validate({"do": "clean", "into": "corpus", "from": uris, **settings})
        out = tmp_path / "out"
        out.mkdir()
        context = context_in(tmp_path, sources)
        shutil.rmtree(context.checkpoints, ignore_errors=True)
        estimate = stage.plan(config, context)
        assert estimate.seconds > 0
        assert estimate.peak_memory_bytes > 0
        return stage.run(config, context, out), out

    return run


def source(path: Path) -> Source:
    return Source(path, SourceRecord(uri=f"file:{path.name}", sha256="0" * 64, num_bytes=0))


def rows(out: Path, split: str = "train") -> list[dict[str, Any]]:
    return [row for batch in read_documents(out, split) for row in batch.to_pylist()]


def texts(out: Path) -> list[str]:
    return [row["text"] for row in rows(out)]


def test_documents_come_out_clean_or_with_their_reason(clean: Clean, reporter: Any) -> None:
    files = {
        "a/poems.json": [POEM, {**POEM, "title": " "}, {"title": "x"}, "text", {**POEM, "title": "\ud83d"}],
        "b.txt": "\ufeffFirst line\r\n\x1b[1msecond\x1b[0m e\u0301\n\n",
        "c.md.gz": gzip.compress("牀前看月光".encode()),
        "d.txt": "First  line\nsecond é",
        "e.txt": " \n ",
        "page.xyz": "<p>text</p>",
        "photo.txt": b"\x89PNG\r\n\x1a\n",
    }
    facts, out = clean(files, text="{title}\n{paragraphs}", replace={"second": "third", "nowhere": "x"})
    found = rows(out)
    assert [(row["text"], row["source"], row["row"]) for row in found] == [
        ("靜夜思\n牀前看月光，疑是地上霜。\n舉頭望山月，低頭思故鄉。", "file:raw/a/poems.json", 0),
        ("First line\nthird é", "file:raw/b.txt", 0),
        ("牀前看月光", "file:raw/c.md.gz", 0),
    ]
    normalised = " ".join(unicodedata.normalize("NFKC", found[0]["text"]).split())
    assert found[0]["id"] == hashlib.sha256(normalised.encode()).hexdigest()[:16]
    dropped = {(row["source"], row["row"]): row["reason"] for row in read_dropped(out)}
    assert dropped == {
        ("file:raw/a/poems.json", 1): "'title' is empty",
        ("file:raw/a/poems.json", 2): "'paragraphs' is missing",
        ("file:raw/a/poems.json", 3): "the row is not a mapping but str",
        ("file:raw/a/poems.json", 4): "it holds half a surrogate pair, which is no character",
        ("file:raw/d.txt", 0): f"exact duplicate of {found[1]['id']} (file:raw/b.txt, 0)",
        ("file:raw/e.txt", 0): "it is empty",
        ("file:raw/page.xyz", 0): "files with the suffix '.xyz' cannot be read",
        ("file:raw/photo.txt", 0): "byte 0x89 is not valid UTF-8, and no other encoding fits (line 1)",
    }
    assert facts == {
        "num_files_read": 5,
        "num_files_set_aside": 2,
        "num_documents_read": 9,
        "num_documents": {"train": 3, "validation": 0, "test": 0},
        "num_characters": {"train": sum(len(row["text"]) for row in found), "validation": 0, "test": 0},
        "num_bytes": {"train": sum(len(row["text"].encode()) for row in found), "validation": 0, "test": 0},
        "num_dropped": 6,
        "dropped_by_reason": {
            "'title' is empty": 1,
            "'paragraphs' is missing": 1,
            "the row is not a mapping but str": 1,
            "it holds half a surrogate pair, which is no character": 1,
            "exact duplicate": 1,
            "it is empty": 1,
        },
    }
    assert "Set aside: file:raw/page.xyz: files with the suffix '.xyz' cannot be read." in reporter.warnings
    assert "1 of 9 documents left out: 'title' is empty." in reporter.warnings
    assert "replace: 'nowhere' does not occur anywhere." in reporter.warnings
    assert "1 of 9 documents left out: exact duplicate." in reporter.messages
    assert "Columns that are not used: 'author'." in reporter.messages


def test_formats_of_their_own_become_documents(clean: Clean) -> None:
    page = "<html><head><title>T</title></head><body><nav><a href='/'>Home</a></nav><p>{}</p></body></html>"
    text = "The fox went out on a chilly night, and prayed to the moon for light, as foxes do."
    mail = "From: a@example.org\nSubject: fox\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nThe mail says so.\n"
    files = {
        "a.html": page.format(text),
        "b.htm.gz": gzip.compress(page.format(text.replace("fox", "hare")).encode()),
        "c.eml": mail,
        "d.pdf": b"no pdf",
        "e.html": "<html></html>",
    }
    facts, out = clean(files)
    assert [(row["text"], row["source"]) for row in rows(out)] == [
        (text, "file:raw/a.html"),
        (text.replace("fox", "hare"), "file:raw/b.htm.gz"),
        ("The mail says so.", "file:raw/c.eml"),
    ]
    reasons = {row["source"]: row["reason"] for row in read_dropped(out)}
    assert reasons == {
        "file:raw/d.pdf": "this is no PDF: it does not begin with %PDF-",
        "file:raw/e.html": "the page has no main text",
    }
    assert facts["num_files_set_aside"] == 1


def test_characters_are_converted_before_duplicates_are_looked_for(clean: Clean) -> None:
    pytest.importorskip("opencc")
    facts, out = clean({"a.txt": "舉頭望山月", "b.txt": "举头望山月"}, chinese="simplified")
    assert texts(out) == ["举头望山月"]
    assert facts["dropped_by_reason"] == {"exact duplicate": 1}


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ("file", [("a\nb\n\n\nc", 0)]),
        ("paragraphs", [("a\nb", 0), ("c", 1)]),
        ("lines", [("a", 0), ("b", 1), ("c", 4)]),
    ],
)
def test_what_is_a_document_in_a_text_file(clean: Clean, documents: str, expected: list[tuple[str, int]]) -> None:
    _, out = clean({"x.txt": "a\nb\n\n\nc\n"}, documents=documents)
    assert [(row["text"], row["row"]) for row in rows(out)] == expected


def test_usual_columns_are_found_in_each_file(clean: Clean) -> None:
    files = {
        "a.jsonl": '{"text": "one", "content": "not this"}\n{broken\n',
        "b.csv": "content,url\ntwo,u\n",
        "c.json": [{"body": "three"}],
    }
    facts, out = clean(files)
    assert texts(out) == ["one", "two"]
    reasons = {row["source"]: row["reason"] for row in read_dropped(out)}
    assert reasons["file:raw/c.json"] == "no column is called 'text' or 'content' (it has 'body')"
    assert reasons["file:raw/a.jsonl"].startswith("it is not JSON")
    assert facts["num_files_set_aside"] == 1


def test_patterns_choose_files_of_directories(clean: Clean, reporter: Any) -> None:
    files = {name: name for name in ("poet.1.txt", "poet.2.txt", "error/poet.3.txt", "authors.txt")}
    _, out = clean(files, include=["poet.*", "x*"], exclude=["*2.txt", "error/*"])
    assert texts(out) == ["poet.1.txt"]
    assert "1 of 4 files are chosen by include and exclude." in reporter.messages
    assert "include: no file fits 'x*'." in reporter.warnings
    # Only what `include` leaves is looked at, so this one had nothing to do either.
    assert "exclude: no file fits 'error/*'." in reporter.warnings


def test_patterns_do_not_touch_files_that_are_named(clean: Clean, tmp_path: Path) -> None:
    (tmp_path / "named.txt").write_text("text")
    _, out = clean(sources=[source(tmp_path / "named.txt")], exclude=["*"])
    assert texts(out) == ["text"]


def test_lengths_in_characters(clean: Clean) -> None:
    facts, out = clean(
        {"x.txt": "丹\n丹炉丹炉\n丹炉丹炉丹炉丹\n"}, documents="lines", min_characters=2, max_characters=6
    )
    assert texts(out) == ["丹炉丹炉"]
    assert facts["dropped_by_reason"] == {"shorter than 2 characters": 1, "longer than 6 characters": 1}


def test_documents_must_match_as_a_whole(clean: Clean) -> None:
    verse = "床前明月光，\n疑是地上霜。"
    facts, out = clean({"a.txt": verse, "b.txt": f"{verse}\n白日依山尽", "c.txt": "月光"}, matching="(.{5}[，。]\n?)+")
    assert texts(out) == [verse]
    assert facts["dropped_by_reason"] == {"it does not match 'matching'": 2}


def test_characters_are_converted_before_they_are_matched(clean: Clean) -> None:
    pytest.importorskip("opencc")
    _, out = clean({"a.txt": "舉頭望山月"}, chinese="simplified", matching="举.*")
    assert texts(out) == ["举头望山月"]


def test_rules_for_quality_leave_out_and_edit(clean: Clean) -> None:
    pytest.importorskip("numba")
    good = "The fox went out on a chilly night, and he prayed to the moon to give him light. " * 8
    line = "He had many a mile to go that night before he reached the town, and that is what the song says.\n"
    files = {"a.txt": good, "b.txt": "buy now " * 200, "c.txt": line * 2 + "lorem ipsum is what it says here.\n" + line}
    facts, out = clean(files, quality={"sets": ["gopher_quality", "c4"]})
    assert facts["num_documents"]["train"] <= 1
    reasons = {row["source"]: row["reason"] for row in read_dropped(out)}
    assert reasons["file:raw/b.txt"].startswith("gopher_quality@1")
    assert reasons["file:raw/c.txt"].split(":")[0] in ("gopher_quality@1", "c4@1")


def test_tags_of_all_that_was_judged_are_kept_and_tell_of_other_thresholds(clean: Clean) -> None:
    pytest.importorskip("numba")
    from danlu.corpus.rules.config import RulesConfig
    from danlu.corpus.rules.judging import RulesJudge, verdicts

    line = "The fox went out on a chilly night, and he prayed to the moon to give him light{}.\n"
    good = "".join(line.format(f" for the {number}. time") for number in range(9))
    files = {"a.txt": good, "b.txt": "buy now " * 200, "c.txt": "", "d.txt": good, "e.txt": "好。" * 4}
    quality = {"sets": ["gopher_quality"]}
    _, out = clean(files, quality=quality, split={"test": 0.5})
    (batch,) = read_tags(out)
    found = batch.to_pylist()
    dropped = {row["source"]: row["reason"] for row in read_dropped(out)}
    assert [row["source"] for row in found] == [f"file:raw/{name}.txt" for name in "abde"]  # c was never judged
    assert [row["reason"] for row in found] == [None, *(dropped[f"file:raw/{name}.txt"] for name in "bde")]
    assert found[2]["reason"].startswith("exact duplicate of")
    (kept,) = [row for split in SPLITS for row in rows(out, split)]
    assert (found[0]["id"], [row["split"] for row in found[1:]]) == (kept["id"], [None] * 3)
    assert found[0]["split"] in SPLITS
    judged = RulesJudge(RulesConfig.model_validate(quality)).judge([files[name] for name in ("a.txt", "b.txt")])
    assert tag_names(out) == list(judged.tags)
    assert found[0]["gopher_quality@1/num_words"] == judged.tags["gopher_quality@1/num_words"][0]
    assert found[3]["gopher_quality@1/num_words"] is None  # that is Chinese
    loose = RulesConfig.model_validate({**quality, "gopher_quality": {"min_stop_words": 0, "min_mean_word_length": 0}})
    columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in tag_names(out)}
    assert verdicts(columns, loose).kept.tolist()[:3] == [True] * 3


def test_of_several_templates_each_file_takes_the_first_that_fits(clean: Clean) -> None:
    files = {"a.json": [POEM], "b.json": [{"title": "x", "content": "y"}], "c.json": [{"words": "w"}]}
    _, out = clean(files, text=["{author}：{paragraphs}", "{content}", "{title}"])
    assert texts(out) == ["李白：牀前看月光，疑是地上霜。\n舉頭望山月，低頭思故鄉。", "y"]
    (problem,) = read_dropped(out)
    assert problem["reason"].startswith("no row has the column 'author' (it has 'words')")


def test_who_somebody_is_stays_out_of_the_corpus(clean: Clean) -> None:
    files = {"a.txt": "请联系 li.ming@example.com，手机 13812345678。", "b.txt": "Nothing of anyone stands here."}
    facts, out = clean(files, personal={"kinds": {"email": "keep"}})
    assert texts(out) == ["请联系 li.ming@example.com，手机 <手机号>。", "Nothing of anyone stands here."]
    assert facts["num_personal"] == {"mobile": 1}
    (find,) = pq.read_table(out / "personal.parquet").to_pylist()
    assert find["document"] == rows(out)[0]["id"]
    assert (find["kind"], find["length"], find["treatment"], find["value"]) == ("mobile", 11, "mask", None)


def test_what_is_left_out_does_not_say_who_somebody_is_either(clean: Clean) -> None:
    files = {"a.txt": "手机 13812345678", "b.json": [{"title": "请打 13812345678。"}, {"text": "找 13812345678 的人"}]}
    _, out = clean({**files, "c.txt": "Nothing of anyone stands here, and it is long."}, personal={}, min_characters=30)
    assert len(read_dropped(out)) == 3
    assert not [row for row in read_dropped(out) if "138" in row["text"] or "手机号" not in row["text"]]


@pytest.mark.parametrize("settings", [{"min_characters": 30}, {"quality": {"sets": ["gopher_quality"]}}])
def test_ids_of_what_is_left_out_do_not_say_it_either(clean: Clean, settings: Any) -> None:
    pytest.importorskip("numba")
    stays = "The fox went out on a chilly night, and he prayed to the moon to give him light. " * 8
    _, out = clean({"a.txt": "13812345678", "b.txt": stays}, personal={}, **settings)
    (row,) = read_dropped(out)
    assert row["text"] == "<手机号>"
    assert row["id"] == id_of_text("<手机号>"), "as if it had stayed"
    tags = pq.read_table(out / "tags.parquet").to_pylist() if "quality" in settings else []
    assert [tag["id"] for tag in tags if tag["reason"]] == [row["id"]] * (len(tags) // 2)


def test_near_duplicates(clean: Clean, reporter: Any) -> None:
    text = "The fox went out on a chilly night and prayed to the moon to give him light. "
    files = {"a.txt": text, "b.txt": text + "Again!", "c.txt": "Something else altogether, which nobody has said."}
    facts, out = clean(files, deduplicate={"near": 0.7})
    assert [row["source"] for row in rows(out)] == ["file:raw/a.txt", "file:raw/c.txt"]
    assert facts["dropped_by_reason"] == {"near duplicate": 1}
    assert not reporter.warnings


def test_split_depends_on_the_content_alone(clean: Clean, tmp_path: Path) -> None:
    lines = [f"line {number * 7919}" for number in range(5000)]
    facts, out = clean({"x.txt": "\n".join(lines)}, documents="lines", split={"validation": 0.05, "test": 0.1})
    assert sum(facts["num_documents"].values()) == 5000
    assert facts["num_documents"]["test"] == pytest.approx(500, rel=0.2)
    sides = {row["text"]: split for split in SPLITS for row in rows(out, split)}
    (tmp_path / "out").rename(tmp_path / "before")
    (tmp_path / "raw").rename(tmp_path / "raw-before")
    random.Random(1).shuffle(lines)
    _, out = clean({"y.txt": "\n".join(lines[:2000])}, documents="lines", split={"validation": 0.05, "test": 0.1})
    again = {row["text"]: split for split in SPLITS for row in rows(out, split)}
    assert again == {line: sides[line] for line in lines[:2000]}


@pytest.mark.parametrize(
    ("files", "settings", "what", "hint"),
    [
        ({}, {}, "There is no file in file:raw", "under 'from'"),
        ({"poet.1.json": [POEM]}, {"include": ["poets.*"]}, "include and exclude leave none of 1", "poet.1.json"),
        ({"a.json": [POEM]}, {"text": "{titel}"}, "raw/a.json: no row has the column 'titel'", "'title'?"),
        ({"a.json": [POEM]}, {}, "no column is called 'text' or 'content' .it has 'title', 'author'", "text: "),
        ({"a.json": ["x"]}, {}, "no column is called .* .its rows are no mappings", "text: "),
        ({"a.xyz": "<p>"}, {}, "raw/a.xyz: files with the suffix '.xyz' cannot be read", ".txt, .md, .rst, .json"),
        ({"a.txt": b"\xff\xfe"}, {}, "No document is left to train on: 1 × it is empty", "documents out"),
        ({"a.txt": b"\0\1"}, {}, "it holds bytes of zero", "UTF-8"),
        ({"a.json": []}, {}, "it holds no rows", "from"),
        ({"a.txt": ""}, {}, "No document is left to train on: 1 × it is empty", "documents out"),
        ({"a.txt": "x"}, {"min_characters": 9}, "No document is left .* 1 × shorter than 9", "loosen"),
        ({"a.txt": "x"}, {"split": {"test": 0.999999999}}, "No document is left to train on: 1 held out", "loosen"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_a_hint(
    clean: Clean, files: dict[str, Any], settings: dict[str, Any], what: str, hint: str
) -> None:
    with pytest.raises(UserError, match=what) as caught:
        clean(files, **settings)
    assert "\n" not in caught.value.what
    assert hint in caught.value.hint


def test_settings_without_an_object_are_warned_of(clean: Clean, reporter: Any) -> None:
    clean({"a.txt": "x"}, text="{title}")
    assert "text: no source has rows, so the template is not used." in reporter.warnings


def test_many_bad_files_are_counted(clean: Clean, reporter: Any) -> None:
    facts, out = clean({"a.txt": "x"} | {f"{number:02d}.png": b"\x89" for number in range(15)})
    assert facts["num_files_set_aside"] == len(read_dropped(out)) == 15
    assert len([warning for warning in reporter.warnings if warning.startswith("Set aside")]) == 10
    assert "15 files are set aside, all listed in dropped.parquet." in reporter.warnings


@pytest.mark.real
def test_real_texts(clean: Clean, real_source: Any) -> None:
    sources = [
        real_source("pypi:llamafactory==0.9.5#data/wiki_demo.txt"),
        real_source("pypi:llamafactory==0.9.5#data/c4_demo.jsonl"),
    ]
    facts, _ = clean(sources=sources, documents="lines", min_characters=200, deduplicate={"near": 0.8})
    assert facts["num_documents_read"] == 30 + 300
    assert facts["dropped_by_reason"].keys() <= {"shorter than 200 characters", "near duplicate", "exact duplicate"}


def test_classes_come_from_a_column_or_from_the_file(clean: Clean, tmp_path: Path, reporter: Any) -> None:
    poems = [{"text": f"poem {number}", "dynasty": ["tang", "song", None][number % 3]} for number in range(30)]
    facts, out = clean({"a.json": poems}, label="{dynasty}", split={"test": 0.4})
    found = {row["text"]: row["label"] for split in SPLITS for row in rows(out, split)}
    assert found == {row["text"]: row["dynasty"] for row in poems if row["dynasty"]}
    assert facts["dropped_by_reason"] == {"'dynasty' is null": 10}
    assert {split: sum(counts.values()) for split, counts in facts["num_by_label"].items()} == facts["num_documents"]
    assert list(facts["num_by_label"]["train"]) == ["song", "tang"]


def test_classes_come_from_patterns_of_files(clean: Clean, reporter: Any) -> None:
    files = {"good/a.txt": "fine\nwell", "bad/b.txt": "poor\nweak", "c.txt": "neither"}
    facts, out = clean(files, documents="lines", label={"*/good/*": "good", "*/bad/*": "bad"})
    assert {row["text"]: row["label"] for row in rows(out, "train")} == {
        "fine": "good", "well": "good", "poor": "bad", "weak": "bad",
    }  # fmt: skip
    assert facts["num_files_set_aside"] == 1
    assert "no pattern under 'label' fits it" in reporter.warnings[0]


@pytest.mark.parametrize(
    ("files", "label", "what"),
    [
        ({"a.txt": "one"}, "{mood}", "a text file has no column 'mood'"),
        ({"a.json": [{"text": "one", "mode": "x"}]}, "{mood}", "no row has the column 'mood'"),
        ({"a.txt": "one"}, {"*a*": "a", "*.txt": "text"}, "fits 2 patterns"),
        ({"a.txt": "one"}, {"*": "all"}, "has 1 classes (all)"),
    ],
)
def test_classes_that_cannot_be_are_refused(clean: Clean, files: Any, label: Any, what: str) -> None:
    with pytest.raises(UserError) as caught:
        clean(files, label=label)
    assert what in caught.value.what


def test_documents_in_other_languages_are_left_out(clean: Clean) -> None:
    french = "Le four se trouvait dans un coin de l'atelier et personne ne l'avait allumé."
    chinese = "炼丹炉放在作坊的角落里，已经很多年没有人点过火了。"
    facts, out = clean({"a.txt": french, "b.txt": chinese}, language={"keep": ["zh", "en"]})
    assert texts(out) == [chinese]
    reason = "language@1: it is fr, not zh or en"
    assert facts["dropped_by_reason"] == {reason: 1}
    tags = [row for batch in read_tags(out) for row in batch.to_pylist()]
    assert [(row["language@1/language"], row["reason"]) for row in tags] == [("fr", reason), ("zh", None)]


def test_own_lists_of_offensive_words_decide_and_are_part_of_the_identity(tmp_path: Path) -> None:
    from danlu.pipeline.api import run

    recipe, words = tmp_path / "recipe.yaml", tmp_path / "words.txt"
    (tmp_path / "a.jsonl").write_text('{"text": "a rotten apple"}\n{"text": "a fresh apple"}\n')
    settings = "toxicity: {lists: [], max_matches: 0}, toxic_words: words.txt"
    recipe.write_text(f"name: t\nstages:\n  texts: {{do: clean, into: corpus, from: a.jsonl, {settings}}}\n")
    kept = {}
    for word in ("rotten", "fresh"):
        words.write_text(f"{word}\n")
        artifact = run(recipe, workspace=tmp_path / "workspace").stages["texts"].artifact
        kept[artifact.id] = texts(artifact.path)
        assert artifact.facts["dropped_by_reason"] == {"toxicity@1: more than 0 offensive words": 1}
    assert list(kept.values()) == [["a fresh apple"], ["a rotten apple"]]


def test_lines_of_the_page_are_taken_out_before_all_else(clean: Clean) -> None:
    text = "首页 > 新闻\n炼丹炉放在作坊的角落里，已经很多年没有人点过火了。\n上一篇：无\n版权所有"
    _, out = clean({"a.txt": text, "b.txt": "首页\n登录"}, boilerplate={"where": "ends"}, language={"keep": ["zh"]})
    assert texts(out) == ["炼丹炉放在作坊的角落里，已经很多年没有人点过火了。"]
    assert [row["reason"] for row in read_dropped(out)] == ["it is empty"]
    tags = [row for batch in read_tags(out) for row in batch.to_pylist()]
    assert [row["boilerplate@1/num_lines"] for row in tags] == [3, 2]


def test_characters_are_made_right_and_counted(clean: Clean) -> None:
    rows_in = [{"text": "炼 丹 炉 ２０２４，\u200b好"}, {"text": "cafÃ©"}]
    _, out = clean({"a.json": rows_in}, unicode={}, language={})
    assert texts(out) == ["炼丹炉 2024，好", "café"]
    tags = [row for batch in read_tags(out) for row in batch.to_pylist()]
    names = [name for name in tag_names(out) if name.startswith("unicode@1/")]
    counts = [{name: row[name] for name in names if row[name]} for row in tags]
    assert counts == [
        {"unicode@1/invisible": 1, "unicode@1/width": 1, "unicode@1/chinese_blanks": 2},
        {"unicode@1/encoding": 1},
    ]
