"""Duplicates: signatures only propose; what is dropped equals a comparison of all pairs over plain Python sets."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.corpus import duplicates
from danlu.corpus.conversations.conversation import Example
from danlu.corpus.dropped import Dropped
from danlu.corpus.duplicates import (
    MISS_PROBABILITY,
    NUM_HASHES,
    drop_exact_duplicates,
    drop_near_duplicates,
    jaccard,
    num_bands,
    shingles,
)
from danlu.telemetry.reporter import Reporter


def example(question: str, answer: str = "yes", row: int = 0, system: str = "") -> Example:
    turns = [("system", system)] * bool(system) + [("user", question), ("assistant", answer)]
    return Example.of([{"role": role, "content": content} for role, content in turns], "file:x", row)


def plain_set(text: str) -> set[str]:
    return {text[index : index + 5] for index in range(max(1, len(text) - 4))}


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None)
def test_similarity_is_that_of_plain_sets(left: str, right: str) -> None:
    left, right = (text.encode(errors="ignore").decode().replace("\0", "") for text in (left, right))
    one, other = plain_set(left), plain_set(right)
    assert len(shingles(left)) == len(one)
    assert jaccard(shingles(left), shingles(right)) == len(one & other) / len(one | other)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_next_to_nothing(threshold: float) -> None:
    bands = num_bands(threshold)
    width = NUM_HASHES // bands
    assert (1 - threshold**width) ** bands <= MISS_PROBABILITY


TEXT = "the fox went out on a chilly night and prayed to the moon for light 丹炉 炼丹 法国的首都是巴黎"
WORDS = TEXT.split()


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_near_duplicates_equal_a_comparison_of_all_pairs(threshold: float) -> None:
    rng = random.Random(5)
    questions = [" ".join(rng.choices(WORDS, k=rng.randint(3, 25))) for _ in range(60)]
    for _ in range(120):
        words = rng.choice(questions).split()
        for _ in range(rng.randint(0, 4)):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        questions.append(" ".join(words))
    examples = [example(question, row=row) for row, question in enumerate(questions)]
    expected: list[int] = []
    for row, question in enumerate(questions):
        mine = plain_set(f"{question}\nyes")
        others = (plain_set(f"{questions[kept]}\nyes") for kept in expected)
        if not any(len(mine & other) / len(mine | other) >= threshold for other in others):
            expected.append(row)
    dropped = Dropped()
    kept = drop_near_duplicates(examples, threshold, dropped, Reporter(), "conversations")
    assert [one.row for one in kept] == expected
    assert 0 < len(dropped) == len(questions) - len(expected)
    assert dropped.by_reason == {"near duplicate": len(dropped)}


@pytest.mark.parametrize(("rows", "characters"), [(3, 10**9), (10**9, 40), (10**9, 1)])
def test_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, rows: int, characters: int) -> None:
    rng = random.Random(3)
    examples = [example(" ".join(rng.choices(WORDS[:6], k=5)), row=row) for row in range(40)]
    expected = drop_near_duplicates(examples, 0.6, Dropped(), Reporter(), "rows")
    assert 1 < len(expected) < 40
    monkeypatch.setattr(duplicates, "ROWS_PER_BLOCK", rows)
    monkeypatch.setattr(duplicates, "CHARACTERS_PER_BLOCK", characters)
    assert drop_near_duplicates(examples, 0.6, Dropped(), Reporter(), "rows") == expected


def test_reason_names_the_kept_row_and_the_similarity() -> None:
    first = example("法国的首都是哪一座城市？请用一句话回答，并说明它在什么河边。")
    second = example("法国的首都是哪一座城市？请用一句话回答，并说明它在哪条河边。")
    other = example("德国有多少个联邦州？")
    dropped = Dropped()
    assert drop_near_duplicates([first, other, second], 0.5, dropped, Reporter(), "rows") == [first, other]
    similarity = jaccard(
        *(
            shingles("\n".join(turn["content"] for turn in one.messages).replace("？", "?").replace("，", ","))
            for one in (first, second)
        )
    )
    assert dropped.rows[0]["reason"] == f"near duplicate of {first.id} ({similarity:.2f})"
    assert dropped.rows[0]["id"] == second.id


def test_shared_system_prompt_makes_nothing_similar() -> None:
    system = "You are a very careful assistant who answers all questions at length. " * 5
    rows = [example("Why is the sky blue?", system=system), example("Who wrote Faust?", system=system)]
    assert drop_near_duplicates(rows, 0.5, Dropped(), Reporter(), "rows") == rows
    assert drop_near_duplicates([], 0.5, Dropped(), Reporter(), "rows") == []


def test_exact_duplicates_ignore_width_and_white_space_but_not_case_or_role() -> None:
    rows = [
        example("Ａ  b\nc"),
        example("A b c", row=1),
        example("a b c", row=2),
        example("A b c", answer="no", row=3),
    ]
    dropped = Dropped()
    kept = list(drop_exact_duplicates([*rows, rows[0]], dropped))
    assert [one.row for one in kept] == [0, 2, 3]
    # A row that is read twice repeats itself.
    assert [row["row"] for row in dropped.rows] == [1, 0]
    assert dropped.rows[0]["reason"].startswith(f"exact duplicate of {rows[0].id}")
