"""The parameter server: blocks in order, each once, and weights that are moved as the formula says."""

from __future__ import annotations

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from danlu.training.parallel.blocks import Block, Rounds
from danlu.training.parallel.outer import Outer
from danlu.training.parallel.server import Message, Server
from danlu.training.parallel.settings import ApartSettings


@given(
    copies=st.integers(2, 4),
    every=st.integers(1, 5),
    steps=st.integers(1, 30),
    meets=st.integers(1, 40),
    order=st.randoms(use_true_random=False),
)
def test_whoever_comes_first(copies: int, every: int, steps: int, meets: int, order: random.Random) -> None:
    rate, momentum = 0.7, 0.9
    settings = ApartSettings(copies=copies, every_steps=every, outer_learning_rate=rate, outer_momentum=momentum)
    server = Server(Outer(settings, {"weight": torch.zeros(1)}), Rounds(every, steps), copies)
    weight = velocity = waiting = 0.0
    count, step, done = 0, 0, []
    while step < steps:
        working = server.begin_leg(step, lambda step: step % meets == 0)
        while working:
            block = working.pop(order.randrange(len(working)))
            done.append(block)
            way = order.random()
            following = server.take(block, [torch.tensor([way])], np.zeros((block.end_step - block.first_step, 6)))
            weight -= rate * way / copies
            waiting += way / copies
            count += 1
            if count % copies == 0:
                velocity = momentum * velocity + waiting
                weight -= rate * momentum * velocity
                waiting = 0.0
            assert abs(float(server.outer.weights[0]) - weight) < 1e-4 * (1 + abs(weight))
            if following:
                working.append(following)
        step = server.step
        assert waiting == 0.0
        assert step % meets == 0 or step == steps
    assert sorted(done, key=lambda block: (block.first_step, block.share)) == [
        Block(first, min(first + every, steps), share) for first in range(0, steps, every) for share in range(copies)
    ]
    told = [first for first, shares in server.complete_rounds() if len(shares) == copies]
    assert told == list(range(0, steps, every))


def test_a_message_holds_numbers_of_all_widths() -> None:
    like = [torch.randn(3).bfloat16(), torch.randn(2, 5), torch.tensor(4.0), torch.randn(7).half()]
    message = Message(like)
    message.pack(like)
    empty = [torch.zeros_like(tensor) for tensor in like]
    message.unpack(empty)
    for one, two, three in zip(like, empty, message.unpacked(), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)
