"""Settings of a manifest as a recipe may give them."""

from __future__ import annotations

import pytest

from danlu.artifacts.stage import as_given
from danlu.corpus.config import CleanConfig
from danlu.training.config import TrainConfig


@pytest.mark.parametrize(
    "config",
    [
        CleanConfig.model_validate({"into": "corpus", "from": "a.txt", "split": {"test": 0.2}, "quality": {"c4": {}}}),
        CleanConfig.model_validate({"into": "examples", "from": ["a.jsonl"], "deduplicate": {"near": 0.7}}),
        CleanConfig.model_validate({"from": "a.jsonl", "personal": {"kinds": {"email": "hash"}}}),
    ],
)
def test_they_make_the_same_settings_again(config: CleanConfig) -> None:
    given = as_given(CleanConfig, config.model_dump(mode="json", by_alias=True))
    assert CleanConfig.model_validate({**given, "into": config.into}) == config
    assert "min_characters" not in given


def test_defaults_that_may_not_be_given_are_left_out() -> None:
    config = TrainConfig.model_validate(
        {"do": "train", "model": "a", "data": ["b"], "budget": {"steps": 3}, "schedule": {"kind": "constant"}}
    )
    written = config.model_dump(mode="json", by_alias=True)
    with pytest.raises(ValueError, match="masking"):
        TrainConfig.model_validate(written)
    assert TrainConfig.model_validate(as_given(TrainConfig, written)) == config
