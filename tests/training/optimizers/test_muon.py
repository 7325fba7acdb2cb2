import math
from typing import Literal

import pytest
import torch

from danlu.training.optimizers import muon
from danlu.training.optimizers.muon import Muon, orthogonalised

SHAPES = [(24, 8), (8, 24), (16, 16), (8, 24), (24, 8), (24, 8)]


@pytest.mark.parametrize("most_at_once", [1, 2**23])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("scaling", ["original", "match_rms_adamw"])
def test_it_takes_the_steps_of_torchs(
    scaling: Literal["match_rms_adamw", "original"], nesterov: bool, most_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's takes the norms in bfloat16 and one matrix at a time, so steps differ by bfloat16's rounding."""
    monkeypatch.setattr(muon, "MOST_NUMBERS_AT_ONCE", most_at_once)
    generator = torch.Generator().manual_seed(5)
    ours, theirs = ([torch.nn.Parameter(torch.ones(shape)) for shape in SHAPES] for _ in range(2))
    group = {"lr": 0.01, "weight_decay": 0.1}
    optimizer = Muon([{"params": ours, **group}], momentum=0.9, nesterov=nesterov, num_iterations=5, scaling=scaling)
    reference = torch.optim.Muon([{"params": theirs, **group}], momentum=0.9, nesterov=nesterov, adjust_lr_fn=scaling)
    for _ in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = other.grad = torch.randn(mine.shape, generator=generator)
        before = [parameter.detach().clone() for parameter in ours]
        optimizer.step()
        reference.step()
        for start, mine, other in zip(before, ours, theirs, strict=True):
            step = (other - start).norm()
            assert (mine - other).norm() < 0.02 * step
            with torch.no_grad():
                other.copy_(mine)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(optimizer.state[mine]["momentum_buffer"], reference.state[other]["momentum_buffer"])


def test_parameters_without_gradient_stay() -> None:
    still, moved = torch.nn.Parameter(torch.ones(4, 4)), torch.nn.Parameter(torch.ones(4, 4))
    moved.grad = torch.eye(4)
    optimizer = Muon(
        [{"params": [still, moved], "lr": 0.1, "weight_decay": 0.5}],
        momentum=0.9,
        nesterov=True,
        num_iterations=5,
        scaling="original",
    )
    optimizer.step()
    assert torch.equal(still, torch.ones(4, 4))
    assert not torch.equal(moved, torch.ones(4, 4))


@pytest.mark.parametrize("shape", [(3, 6, 20), (3, 20, 6), (2, 9, 9)])
def test_singular_vectors_stay_and_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(shape, generator=generator, dtype=torch.float64)
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    assert float(values.max() / values.min()) < 1 / 0.005, "too small ones take more iterations"
    found = left.mT @ orthogonalised(matrices, 5) @ right.mT
    singular = torch.diagonal(found, dim1=1, dim2=2)
    assert float(singular.min()) > 0.6
    assert float(singular.max()) < 1.3
    assert math.isclose(float((found - torch.diag_embed(singular)).abs().max()), 0, abs_tol=1e-9)
