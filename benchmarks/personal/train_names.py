"""Make the weights of the model of Chinese names: src/danlu/corpus/personal/names/chinese_weights.npz.

    python -m benchmarks.personal.train_names

Logistic regression by Adagrad on hashed features. The text is the training part of the People's Daily, several times:
as it is, with full names replaced by ones drawn from the lists of surnames and given characters, so that the model
learns what stands around names rather than who was in the news, and with drawn names between any two words, so that
what is written like a name may be one in places where the newspaper has none. Forms and tables, which a newspaper
lacks, are made of names and of other words of the newspaper in equal numbers.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common import CACHE, REPOSITORY
from benchmarks.personal.people_daily import Line, training_lines
from danlu.corpus.compiling import kernel
from danlu.corpus.personal.classes import read_words, surnames
from danlu.corpus.personal.folding import fold
from danlu.corpus.personal.names.score import NUM_FEATURES, NUM_WEIGHTS, read_features
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter

WEIGHTS = REPOSITORY / "src" / "danlu" / "corpus" / "personal" / "names" / "chinese_weights.npz"
SEED = 3
COPIES, INSERTED_COPIES = 4, 3
"""Of lines: with other names, and with a name put between any two words."""
EPOCHS = 6
RATE = 0.15
UNIT = 0.05
"""Step of the weights, in units of the logarithm of odds."""
FEWEST_SEEN, LEAST_WEIGHT = 8, 0.1
"""Weights of features that are rarer or weaker become zero, and what one name alone taught is lost."""
SHRINK = 1e-4
DICTIONARY = "pypi:jieba==0.42.1#jieba/dict.txt"
FEWEST_OCCURRENCES = 20
NUM_FORMS = 160_000
ONE_CHARACTER_SHARE = 0.4
"""Of drawn given names."""
COMMON_SURNAMES = 120
"""Surnames from the beginning of the list that make most of the names that are drawn."""

FORMS = (
    "姓名：{}", "姓名:{}", "姓名 {}", "|{}|", "\t{}\t", ",{},", "{}，男，", "{}，女，", "联系人：{}", "负责人{}。",
    "{}先生", "{}女士", "我叫{}，", "我是{}。", "{}：好的", "{}:在吗", "\n{}\n", "给{}打电话", "找{}签字", "{}的手机",
    "{}的", "和{}一起", "与{}、", "客户{}反映", "{}同学", "{}老师", "{}医生", "经理{}", "同事{}", "由{}负责",
    "让{}来", "{}说", "{}已经", "{}在", "、{}、", "（{}）", "({})", "“{}”", "收货人 {} ", "寄给{}，", "{} 138", "{}1",
    "{}去", "{}昨天", "患者{}，", "业主{}", "通知{}到", "被告{}", "原告{}，", "{}、", "：{}，", "{}住", "{}于",
    "感谢{}", "谢谢{}的", "多谢{}，", "对于{}，", "关于{}的", "主任{}", "由于{}", "高于{}", "方向{}", "{}没有",
    "{}没来", "{}出生于", "{}出席了", "{}生于", "{}于2", "{}于昨日", "{}给我", "{}经过", "{}成为", "{}明白", "{}会来",
    "{}来了", "{}有事", "{}向他",
)  # fmt: skip
"""Where both names and other words may stand."""


def main() -> None:
    rng = random.Random(SEED)
    lines = training_lines()
    texts: list[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]] = []
    for line in lines:
        texts.append((line.text, line.full_names, line.other_names))
        if line.full_names:
            texts += [(*with_drawn_names(line, rng), []) for _ in range(COPIES)]
        texts += [with_name_anywhere(line, rng) for _ in range(INSERTED_COPIES)]
    texts += forms(lines, rng)
    features, labels = examples(texts)
    print(f"{len(labels):,} candidates, {int(labels.sum()):,} of them names", flush=True)
    weights = train(features, labels, np.random.default_rng(SEED))
    seen = np.bincount(features.ravel(), minlength=NUM_WEIGHTS)
    weights[(seen < FEWEST_SEEN) | (np.abs(weights) < LEAST_WEIGHT)] = 0
    whole = np.clip(np.rint(weights / UNIT), -127, 127).astype(np.int8)
    np.savez_compressed(WEIGHTS, weights=whole)
    predicted = whole[features].astype(np.int64).sum(1) > 0
    print(
        f"{WEIGHTS.stat().st_size:,} bytes, {np.count_nonzero(whole):,} weights; "
        f"{np.mean(predicted == labels):.4f} of the candidates right",
        flush=True,
    )


def drawn_name(rng: random.Random) -> str:
    """A surname, mostly a common one, and one or two characters."""
    single, compound = surnames()
    ordered = [character for word in read_words("chinese_surnames.txt") if len(word) > 2 for character in word]
    fate = rng.random()
    if fate < 0.8:
        surname = ordered[min(int(rng.expovariate(1 / 35)), COMMON_SURNAMES)]
    else:
        surname = rng.choice(compound) if fate < 0.83 else rng.choice(sorted(single))
    characters = read_words("chinese_given_characters.txt")
    given = "".join(rng.choice(rng.choice(characters)) for _ in range(1 if rng.random() < ONE_CHARACTER_SHARE else 2))
    return surname + given


def with_drawn_names(line: Line, rng: random.Random) -> tuple[str, list[tuple[int, int]]]:
    """The text with other names, and where they are."""
    pieces, spans, last, length = [], [], 0, 0
    for start, end in line.full_names:
        name = drawn_name(rng)
        pieces += [line.text[last:start], name]
        length += start - last
        spans.append((length, length + len(name)))
        length += len(name)
        last = end
    return "".join([*pieces, line.text[last:]]), spans


def with_name_anywhere(line: Line, rng: random.Random) -> tuple[str, list[tuple[int, int]], list[tuple[int, int]]]:
    """The text from one word to another, a drawn name in between, and part of what follows."""
    words = [word for word, tag in line.words if tag != "nr"]
    place = rng.randint(0, len(words))
    before, behind = "".join(words[max(0, place - 5) : place]), "".join(words[place : place + 5])
    name = drawn_name(rng)
    return before + name + behind, [(len(before), len(before) + len(name))], []


def forms(lines: list[Line], rng: random.Random) -> list[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]]:
    """Names and other words, in equal numbers, in the same places."""
    single, _ = surnames()
    words = [word for line in lines for word, tag in line.words if tag != "nr" and len(word) > 1 and word[0] in single]
    listed = [word for word in dictionary_words() if word[0] in single]
    made: list[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]] = []
    for number in range(NUM_FORMS):
        form = rng.choice(FORMS)
        before, _, behind = form.partition("{}")
        if number % 2:
            name = drawn_name(rng)
            made.append((before + name + behind, [(len(before), len(before) + len(name))], []))
        else:
            word = rng.choice(words if number % 4 else listed)
            made.append((before + word + behind, [], []))
    return made


def dictionary_words() -> list[str]:
    """Words of two and three characters of jieba's dictionary that occur and are no names of people."""
    path = fetch(DICTIONARY, cache=CACHE, reporter=Reporter()).path
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return [
        word
        for word, count, tag in rows
        if 2 <= len(word) <= 3 and int(count) >= FEWEST_OCCURRENCES and not tag.startswith("nr")
    ]


def examples(texts: list[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Features of all candidates, shape (candidates, NUM_FEATURES), and whether each is a name."""
    single, compound = surnames()
    rows, labels = [], []
    for text, names, ignored in texts:
        codes = fold([text]).codes
        known, unknown = set(names), set(ignored)
        for start in range(len(text)):
            for length, family in ((1, text[start] in single), (2, text[start : start + 2] in compound)):
                if not family:
                    continue
                for given in (1, 2):
                    span = (start, start + length + given)
                    characters = text[start : span[1]]
                    if len(characters) < length + given or not all("\u3400" <= c <= "\u9fff" for c in characters):
                        continue
                    if span in unknown:
                        continue
                    row = np.empty(NUM_FEATURES, np.int64)
                    read_features(codes, start, length, given, row)
                    rows.append(row)
                    labels.append(span in known)
    return np.array(rows), np.array(labels, np.float32)


def train(
    features: npt.NDArray[np.int64], labels: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Weights by Adagrad, one candidate at a time."""
    weights = np.zeros(NUM_WEIGHTS, np.float32)
    squares = np.full(NUM_WEIGHTS, 1e-2, np.float32)
    for epoch in range(EPOCHS):
        loss = run_epoch(features, labels, rng.permutation(len(labels)), weights, squares, RATE, SHRINK)
        print(f"epoch {epoch + 1}: loss {loss / len(labels):.5f}", flush=True)
    return weights


@kernel
def run_epoch(
    features: npt.NDArray[np.int64],
    labels: npt.NDArray[np.float32],
    order: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    squares: npt.NDArray[np.float32],
    rate: float,
    shrink: float,
) -> float:
    """One pass over all candidates; returns the sum of their losses."""
    total = 0.0
    for example in order:
        value = 0.0
        for column in range(features.shape[1]):
            value += weights[features[example, column]]
        likely = 1.0 / (1.0 + np.exp(-value))
        truth = labels[example]
        total -= np.log(max(likely if truth > 0.5 else 1.0 - likely, 1e-9))
        slope = likely - truth
        for column in range(features.shape[1]):
            index = features[example, column]
            gradient = slope + shrink * weights[index]
            squares[index] += gradient * gradient
            weights[index] -= rate * gradient / np.sqrt(squares[index])
    return total


if __name__ == "__main__":
    main()
