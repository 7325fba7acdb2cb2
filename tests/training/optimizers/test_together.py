"""Several optimizers behind the face of one."""

from __future__ import annotations

import torch

from danlu.training.optimizers.together import Together


def weights() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(4, 3, generator=generator)) for _ in range(2)]


def parts_of(parameters: list[torch.nn.Parameter]) -> list[torch.optim.Optimizer]:
    return [torch.optim.SGD(parameters[:1], lr=0.1, momentum=0.9), torch.optim.AdamW(parameters[1:], lr=0.01)]


def set_gradients(parameters: list[torch.nn.Parameter], step: int) -> None:
    for number, parameter in enumerate(parameters):
        parameter.grad = torch.full_like(parameter, 0.1 + step + number)


def test_steps_are_those_of_the_parts_and_states_move_over() -> None:
    alone, joined = weights(), weights()
    parts, together = parts_of(alone), Together(parts_of(joined))
    for step in range(6):
        if step == 3:
            successor = Together(parts_of(joined))
            successor.load_state_dict(together.state_dict())
            together = successor
        set_gradients(alone, step)
        set_gradients(joined, step)
        together.param_groups[0]["lr"] = parts[0].param_groups[0]["lr"] = 0.1 / (step + 1)
        for part in parts:
            part.step()
        together.step()
        assert all(torch.equal(one, other) for one, other in zip(alone, joined, strict=True)), step
    together.zero_grad()
    assert all(parameter.grad is None for parameter in joined)
    assert set(together.state_dict()["state"]) == {0, 1}
