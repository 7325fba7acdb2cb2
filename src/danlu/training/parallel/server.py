"""The parameter server of copies that do not wait for one another, and what they say to it.

The first rank serves the others from a thread beside its own copy. Blocks are handed out in the order of their rows, so
all rows of a leg are read once, and a fast copy reads more of them than a slow one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import numpy as np
import torch
import torch.distributed as dist

from danlu.models.parallel.group import TALK
from danlu.training.held import Held
from danlu.training.parallel.blocks import FACTS, Block, Numbers, Rounds, Tell, TrainBlock
from danlu.training.parallel.outer import Outer

HEADER, NUMBERS, WEIGHTS = 1, 2, 3
"""Tags of messages: which block, what its steps came to, and what was learnt or is to be gone on from."""
PATIENCE = timedelta(days=7)
"""For a block to be trained. Those who watch the ranks see much sooner that one is missing."""
NOTHING_LEFT = (-1, -1, -1)


class Server:
    """The common weights, and the blocks that are handed out. For one thread at a time: see `lock`.

    Args:
        outer: Of the common weights.
        rounds: Where they end.
        copies: How many.
    """

    def __init__(self, outer: Outer, rounds: Rounds, copies: int) -> None:
        self.lock = threading.Lock()
        self.outer = outer
        self._rounds = rounds
        self._copies = copies
        self._next = Block(0, 0, 0)
        self._is_over = False
        self._num_taken = 0
        self._shares: dict[int, dict[int, Numbers]] = {}

    @property
    def step(self) -> int:
        """Steps whose blocks have been handed out."""
        return self._next.first_step

    def begin_leg(self, step: int, must_meet: Callable[[int], bool]) -> list[Block]:
        """The first block of each copy.

        Args:
            step: Steps made.
            must_meet: Whether all copies have something to do together after so many steps.
        """
        self._is_over = False
        self._must_meet = must_meet
        self._next = Block(step, self._rounds.end_after(step), 0)
        return [self._hand_out() for _ in range(self._copies)]

    def take(self, block: Block, ways: list[torch.Tensor], numbers: Numbers) -> Block | None:
        """A copy hands in a block; returns its next, or None if copies are to meet."""
        self.outer.take(ways, 1 / self._copies)
        self._num_taken += 1
        if self._num_taken % self._copies == 0:
            self.outer.end_round()
        self._shares.setdefault(block.first_step, {})[block.share] = numbers
        if self._next.share == 0 and not self._is_over:
            step = self._next.first_step
            self._is_over = step == self._rounds.num_steps or self._must_meet(step)
        return None if self._is_over else self._hand_out()

    def _hand_out(self) -> Block:
        block = self._next
        if block.share + 1 < self._copies:
            self._next = Block(block.first_step, block.end_step, block.share + 1)
        else:
            self._next = Block(block.end_step, self._rounds.end_after(block.end_step), 0)
        return block

    def complete_rounds(self) -> Iterator[tuple[int, list[Numbers]]]:
        """Those of which all shares have come and which have not been asked for yet, in order: the first step of each,
        and what the shares came to."""
        for step in sorted(self._shares):
            if len(self._shares[step]) < self._copies:
                return
            shares = self._shares.pop(step)
            yield step, [shares[number] for number in range(self._copies)]


class Serving:
    """Copies that hand in what they have learnt and go on.

    Args:
        outer: Of the common weights; that of the first rank is moved.
        held: What this rank trains.
        rounds: Where they end.
    """

    def __init__(self, outer: Outer, held: Held, rounds: Rounds) -> None:
        self.num_bytes = 0
        self._server = Server(outer, rounds, held.world.size) if held.world.is_first else None
        self._held = held
        self._rounds = rounds
        self._group = dist.new_group(backend="gloo", timeout=PATIENCE)
        self._message = Message(held.trained)

    def leg(self, step: int, train_block: TrainBlock, tell: Tell, must_meet: Callable[[int], bool]) -> int:
        """See `danlu.training.parallel.apart.Copies`; the first rank tells, a round when all its shares are there."""
        world, trained = self._held.world, self._held.trained
        server = self._server
        if server:
            server.outer.begin_at(trained)
            (block, *_) = server.begin_leg(step, must_meet)
            with self._others_served(server):
                self._work(block, train_block, partial(self._hand_in_here, tell))
            self._message.pack(server.outer.weights)
        else:
            first = Block(step, self._rounds.end_after(step), world.rank)
            self._work(first, train_block, self._hand_in_there)
        end = int(world.of_first(server.step if server else 0))
        with TALK.begun("broadcast", len(self._message.flat), world.size):
            dist.broadcast(self._message.flat, src=0, group=self._group)
        self._message.unpack(trained)
        self._tell_what_is_complete(tell)
        return end

    def _work(
        self,
        block: Block | None,
        train_block: TrainBlock,
        hand_in: Callable[[Block, list[torch.Tensor], Numbers], Block | None],
    ) -> None:
        """Train blocks until there are no more. `hand_in` leaves the weights to go on from in place."""
        trained = self._held.trained
        while block is not None:
            began = [tensor.detach().clone() for tensor in trained]
            numbers = train_block(block)
            self.num_bytes += self._message.flat.nbytes
            with torch.no_grad():
                torch._foreach_sub_(began, trained)
            block = hand_in(block, began, numbers)

    def _hand_in_here(self, tell: Tell, block: Block, ways: list[torch.Tensor], numbers: Numbers) -> Block | None:
        assert self._server
        with self._server.lock, torch.no_grad():
            following = self._server.take(block, [way.cpu() for way in ways], numbers)
            torch._foreach_copy_(self._held.trained, self._server.outer.weights)
        self._tell_what_is_complete(tell)
        return following

    def _hand_in_there(self, block: Block, ways: list[torch.Tensor], numbers: Numbers) -> Block | None:
        group, message = self._group, self._message
        header = torch.tensor([block.first_step, block.end_step, block.share], dtype=torch.int64)
        message.pack(ways)
        with TALK.begun("sending what was learnt", len(message.flat), 2):
            dist.send(header, dst=0, group=group, tag=HEADER)
            dist.send(torch.from_numpy(numbers), dst=0, group=group, tag=NUMBERS)
            dist.send(message.flat, dst=0, group=group, tag=WEIGHTS)
            dist.recv(header, src=0, group=group, tag=HEADER)
            if header[0] < 0:
                return None
            dist.recv(message.flat, src=0, group=group, tag=WEIGHTS)
        message.unpack(self._held.trained)
        first_step, end_step, share = header.tolist()
        return Block(first_step, end_step, share)

    def _tell_what_is_complete(self, tell: Tell) -> None:
        if self._server:
            with self._server.lock:
                complete = list(self._server.complete_rounds())
            for step, shares in complete:
                tell(step, shares)

    @contextmanager
    def _others_served(self, server: Server) -> Iterator[None]:
        """Serve the other ranks until none of them has a block any more. The body is this rank's own copy's."""
        failures: list[BaseException] = []
        thread = threading.Thread(target=self._serve, args=(server, failures), name="parameter server", daemon=True)
        thread.start()
        yield  # where the body fails, the process ends, and the thread with it
        with TALK.begun("waiting for the last blocks", len(self._message.flat), self._held.world.size):
            thread.join()
        if failures:
            raise failures[0]

    def _serve(self, server: Server, failures: list[BaseException]) -> None:
        group, message = self._group, Message(server.outer.weights)
        num_working = self._held.world.size - 1
        try:
            while num_working:
                header = torch.zeros(3, dtype=torch.int64)
                source = dist.recv(header, src=None, group=group, tag=HEADER)
                first_step, end_step, share = header.tolist()
                numbers = torch.zeros(end_step - first_step, len(FACTS), dtype=torch.float64)
                dist.recv(numbers, src=source, group=group, tag=NUMBERS)
                dist.recv(message.flat, src=source, group=group, tag=WEIGHTS)
                ways = message.unpacked()
                with server.lock:
                    following = server.take(Block(first_step, end_step, share), ways, np.asarray(numbers))
                    message.pack(server.outer.weights)
                answer = (following.first_step, following.end_step, following.share) if following else NOTHING_LEFT
                dist.send(torch.tensor(answer, dtype=torch.int64), dst=source, group=group, tag=HEADER)
                if following:
                    dist.send(message.flat, dst=source, group=group, tag=WEIGHTS)
                else:
                    num_working -= 1
        except BaseException as error:
            failures.append(error)


class Message:
    """Tensors as one row of bytes on the CPU.

    Args:
        like: As these.
    """

    def __init__(self, like: Sequence[torch.Tensor]) -> None:
        # The widest numbers first, so that each begins where one of its kind may.
        self._order = sorted(range(len(like)), key=lambda place: -like[place].element_size())
        self._like = [tensor.detach() for tensor in like]
        self.flat = torch.empty(sum(tensor.nbytes for tensor in like), dtype=torch.uint8)

    def _parts(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Places and views, each shaped as its tensor."""
        start = 0
        for place in self._order:
            like = self._like[place]
            part = self.flat[start : start + like.nbytes]
            yield place, part.view(like.dtype).view(like.shape)
            start += like.nbytes

    @torch.no_grad()
    def pack(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put these in place of what is there."""
        for place, part in self._parts():
            part.copy_(tensors[place])

    @torch.no_grad()
    def unpack(self, tensors: Sequence[torch.Tensor]) -> None:
        """Copy what is there into these."""
        for place, part in self._parts():
            tensors[place].copy_(part)

    def unpacked(self) -> list[torch.Tensor]:
        """Copies of what is there."""
        parts = dict(self._parts())
        return [parts[place].clone() for place in range(len(self._like))]
