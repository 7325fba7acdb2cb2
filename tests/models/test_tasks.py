"""What a model is for, told by its config."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.errors import UserError
from danlu.models.tasks import check_task, class_names, is_encoder, task_of, with_classes
from encoder_toys import CLASSES, make_encoder


@pytest.mark.parametrize("task", ["masked_lm", "pretraining", "classification"])
def test_the_task_is_told_by_what_transformers_writes(task: Any, tmp_path: Any) -> None:
    make_encoder(task).save_pretrained(tmp_path)
    from danlu.models.load import read_config

    config = read_config(tmp_path)
    assert is_encoder(config)
    assert task_of(config) == task
    assert class_names(config) == CLASSES


def test_others_predict_the_next_token() -> None:
    assert task_of({"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}) == "causal_lm"
    assert task_of({"model_type": "bert", "is_decoder": True}) == "causal_lm"
    assert task_of({"model_type": "bert"}) == "masked_lm"


def test_classes_keep_their_order_as_text_or_numbers() -> None:
    names = [f"c{number}" for number in range(12)]
    assert class_names(with_classes(names)) == names
    assert class_names({"id2label": {str(number): name for number, name in enumerate(names)}}) == names


def test_models_are_refused_for_what_they_are_not() -> None:
    with pytest.raises(UserError, match="objective: sft predicts each token"):
        check_task({"model_type": "bert"}, "causal_lm", "objective: sft")
    with pytest.raises(UserError, match="needs an encoder, and a 'llama' model"):
        check_task({"model_type": "llama"}, "classification", "objective: classification")
