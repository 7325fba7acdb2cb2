"""A row's score is what plain transformers computes for it alone, and nothing else in the world changes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from danlu.errors import UserError
from danlu.evaluation.rows import render_rows
from danlu.evaluation.scoring import score_rows

WORDS = ["the", "furnace", "turns", "raw", "material", "slowly", "at", "37", "degrees", "丹炉", "fox", "dog", "Paris"]


def examples(count: int, *, seed: int = 3) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)

    def text() -> str:
        return " ".join(rng.choice(WORDS, rng.integers(1, 25)))

    return [
        {
            "id": f"{index:016x}",
            "messages": [{"role": "user", "content": text()}, {"role": "assistant", "content": text()}],
            "source": "file:x",
            "row": index,
        }
        for index in range(count)
    ]


def rendered(tokenizer: Any, count: int) -> list[Any]:
    rows, dropped = render_rows(tokenizer, examples(count), length=512)
    assert not dropped
    return [rows[place] for place in range(count)]


def reference_nll(model: Any, row: Any) -> float:
    """transformers' own loss, from labels, times the number of labelled tokens."""
    ids = torch.from_numpy(row.input_ids).long()[None]
    labels = ids.masked_fill(~torch.from_numpy(row.supervised)[None], -100)
    with torch.no_grad():
        return float(model(input_ids=ids, labels=labels).loss) * int(row.supervised.sum())


def test_scores_equal_those_of_plain_transformers(tiny_model: Any, tiny_tokenizer: Any) -> None:
    rows = rendered(tiny_tokenizer, 12)
    scores = score_rows(tiny_model, rows)
    expected = [reference_nll(tiny_model, row) for row in rows]
    np.testing.assert_allclose(scores.nll, expected, rtol=1e-5)
    assert scores.num_tokens.tolist() == [int(row.supervised.sum()) for row in rows]
    assert scores.loss == pytest.approx(sum(expected) / scores.num_tokens.sum(), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_score_does_not_depend_on_other_rows_or_their_order(
    tiny_model: Any, tiny_tokenizer: Any, dtype: torch.dtype
) -> None:
    model = tiny_model.to(dtype)
    rows = rendered(tiny_tokenizer, 10)
    together = score_rows(model, rows).nll
    alone = np.array([score_rows(model, [row]).nll[0] for row in rows])
    backwards = score_rows(model, rows[::-1]).nll[::-1]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, backwards)


def test_an_adapter_is_scored_like_its_merged_model(tiny_model: Any, tiny_tokenizer: Any) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(tiny_model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)).eval()
    rows = rendered(tiny_tokenizer, 4)
    adapted = score_rows(model, rows).nll
    merged = score_rows(model.merge_and_unload(), rows).nll
    np.testing.assert_allclose(adapted, merged, rtol=1e-5)
    assert not np.allclose(adapted, [1.0])


def test_progress_counts_every_token(tiny_model: Any, tiny_tokenizer: Any) -> None:
    rows = rendered(tiny_tokenizer, 3)
    seen: list[int] = []
    score_rows(tiny_model, rows, seen.append)
    assert seen == [len(row.input_ids) for row in rows]


def test_a_broken_model_is_named_with_its_row(tiny_model: Any, tiny_tokenizer: Any) -> None:
    with torch.no_grad():
        tiny_model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="row 0000000000000000 is nan"):
        score_rows(tiny_model, rendered(tiny_tokenizer, 1))


def test_rows_that_cannot_be_scored_have_a_reason(tiny_tokenizer: Any) -> None:
    fine, long, silent, bad = examples(4)
    bad["desirable"] = False
    long["messages"][1]["content"] = "fox " * 300
    silent["messages"] = silent["messages"][:1]
    rows, dropped = render_rows(tiny_tokenizer, [fine, long, silent, bad], length=200)
    assert list(rows) == [0]
    assert dropped[1] == "longer than 200 tokens"
    assert "no assistant turn" in dropped[2]
    assert dropped[3] == "labelled as a bad answer"
