"""Settings that do not go together with a layout, found before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from danlu.errors import UserError
from danlu.training.config import TrainConfig
from danlu.training.parallel.checks import check_layout

LLAMA = {"model_type": "llama", "num_hidden_layers": 2}


def config(parallel: dict[str, Any], **changes: Any) -> TrainConfig:
    plain = {"do": "train", "model": "m", "data": "d", "budget": {"steps": 1}, "precision": "fp32"}
    return TrainConfig.model_validate({**plain, "parallel": parallel, **changes})


@pytest.mark.parametrize("parallel", [{"offload": True}, {"shard": 2, "offload": True}, {"data": 2, "shard": 2}])
def test_what_can_be(parallel: dict[str, Any]) -> None:
    check_layout(config(parallel), LLAMA)


@pytest.mark.parametrize(
    ("parallel", "changes", "what"),
    [
        ({"tensor": 2, "offload": True}, {}, "parallel.offload does not go together with parallel.tensor"),
        ({"data": 2, "offload": True}, {"apart": {"copies": 2}}, "does not go together with apart"),
        ({"offload": True}, {"optimizer": {"kind": "adafactor"}}, "and the optimizer adafactor cannot"),
        ({"offload": True}, {"precision": "fp16"}, "parallel.offload takes them from the GPU"),
        ({"offload": True}, {"budget": {"minutes": 1}}, "parallel asks for one process, offloaded"),
    ],
)
def test_what_cannot(parallel: dict[str, Any], changes: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        check_layout(config(parallel, **changes), LLAMA)
