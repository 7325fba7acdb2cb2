"""Which languages texts are in: by their tag if they have one, and which scripts they are written in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from danlu.artifacts.splits import SPLITS
from danlu.artifacts.tags import read_tags, tag_names
from danlu.corpus.inspecting.rows import text_batches
from danlu.corpus.inspecting.subject import Subject

SCRIPTS = {
    "Han": r"\p{Han}",
    "Latin": r"\p{Latin}",
    "Cyrillic": r"\p{Cyrillic}",
    "Arabic": r"\p{Arabic}",
    "Kana": r"[\p{Hiragana}\p{Katakana}]",
    "Hangul": r"\p{Hangul}",
    "Greek": r"\p{Greek}",
    "Hebrew": r"\p{Hebrew}",
    "Thai": r"\p{Thai}",
    "Devanagari": r"\p{Devanagari}",
}
SAMPLE_CHARACTERS = 1_000_000
"""Of the texts whose letters are counted, spread over all rows."""
TEXT_CHARACTERS = 2000
"""Of the beginning of each such text."""


@dataclass(frozen=True)
class Languages:
    """Of rows that stayed."""

    by_language: dict[str, int] | None
    """Rows by the language they were found to be in; None if nobody looked."""
    left_out: dict[str, int] | None
    """The same of rows that were judged and left out."""
    scripts: dict[str, float]
    """Share of each script among the letters of the sample (0 to 1)."""
    num_sampled: int
    """Rows in the sample."""


def languages_of(subject: Subject, num_rows: int, mean_characters: float) -> Languages:
    """
    Args:
        subject: What is inspected.
        num_rows: That stayed.
        mean_characters: Of their texts.
    """
    kept, left_out = _by_tag(subject)
    scripts, num_sampled = _scripts(subject, num_rows, mean_characters)
    return Languages(kept, left_out, scripts, num_sampled)


def _by_tag(subject: Subject) -> tuple[dict[str, int] | None, dict[str, int] | None]:
    names = [name for name in tag_names(subject.directory) if name.startswith("language@")]
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    found = False
    for batch in read_tags(subject.directory, ["split", *names]) if names else ():
        for name in names:
            if not pa.types.is_string(batch.schema.field(name).type):
                continue
            found = True
            stays = batch.column("split").is_valid()
            for kept in (True, False):
                words: Any = pc.value_counts(batch.column(name).filter(stays if kept else pc.invert(stays)))
                counts[kept].update({each["values"] or "?": each["counts"] for each in words.to_pylist()})
    return (dict(counts[True].most_common()), dict(counts[False].most_common())) if found else (None, None)


def _scripts(subject: Subject, num_rows: int, mean_characters: float) -> tuple[dict[str, float], int]:
    """By letters of every so-manieth row."""
    every = max(1, int(num_rows * min(mean_characters, TEXT_CHARACTERS) / SAMPLE_CHARACTERS))
    letters: Counter[str] = Counter()
    total = number = num_sampled = 0
    for split in SPLITS:
        for batch in text_batches(subject, split):
            places = range(-number % every, batch.num_rows, every)
            number += batch.num_rows
            texts = pc.utf8_slice_codeunits(batch.column("text").take(pa.array(places, pa.int64())), 0, TEXT_CHARACTERS)
            num_sampled += len(texts)
            total += pc.sum(pc.count_substring_regex(texts, r"\p{L}")).as_py() or 0
            for script, pattern in SCRIPTS.items():
                letters[script] += pc.sum(pc.count_substring_regex(texts, pattern)).as_py() or 0
    shares = {script: count / total for script, count in letters.most_common() if count} if total else {}
    known = sum(shares.values())
    return shares | ({"others": 1 - known} if 0 < known < 0.9995 else {}), num_sampled
