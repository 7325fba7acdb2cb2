from __future__ import annotations

import torch

from danlu.hardware.threads import workers_of_one_thread
from danlu.models.compiling import KEPT_SHARE, MOST_VARIANTS, compile_layers


def test_workers_compile_with_the_settings_of_their_caller() -> None:
    """torch keeps its settings per thread: a worker that began without them would run the ninth shape uncompiled."""

    def settings(_: int) -> tuple[int, float]:
        return torch._dynamo.config.recompile_limit, torch._functorch.config.activation_memory_budget

    compile_layers(torch.nn.Linear(2, 2))
    with workers_of_one_thread() as pool:
        assert set(pool.map(settings, range(4))) == {(MOST_VARIANTS, KEPT_SHARE)}
