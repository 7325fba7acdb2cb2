"""From a whole model to this rank's part of it, and the passes over that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist

from danlu.models.parallel.experts import divide_experts, send_tokens
from danlu.models.parallel.group import Group
from danlu.models.parallel.stages import cut, owned_pieces
from danlu.models.parallel.tensors import Part, divide_tensors
from danlu.training.config import TrainConfig
from danlu.training.held import Held, hold
from danlu.training.objectives.next_token import cross_entropy_of_hidden
from danlu.training.optimizer import trained_parameters
from danlu.training.parallel.joint import JointPasses, OwnPasses
from danlu.training.parallel.pipelined import Piece, PipelinedPasses
from danlu.training.parallel.settings import DIMENSIONS
from danlu.training.parallel.sharded import ShardedPasses, WholeModel, layers_of, pass_dtype, shard, take_gradients
from danlu.training.passes import rounded_copy
from danlu.training.setup import make_passes, objective_for, passes_over
from danlu.training.world import World


@contextmanager
def take_apart(model: Any, config: TrainConfig, world: World) -> Iterator[tuple[Held, JointPasses]]:
    """Leave of a model that is ready to train what this rank holds; while this lasts, passes can be made over it.

    Args:
        model: Whole; changed in place.
        config: Of the stage.
        world: All ranks, who call this together.
    """
    sizes = world.settings.sizes
    parts: dict[str, Part] = {}
    own: OwnPasses
    if sizes["tensor"] > 1:
        parts = divide_tensors(model, world.group("tensor"))
    if sizes["expert"] > 1:
        parts, prepare = _experts_divided(model, world)
        held, own = hold(model, world, parts), make_passes(model, config, None, prepare)
    elif sizes["pipeline"] > 1:
        held, own = _pipelined(model, config, world, parts)
    elif world.settings.is_sharded:
        held, own = _sharded(model, config, world, parts)
    elif world.talks_within_passes:
        held, own = hold(model, world, parts), make_passes(model, config, None)
    else:
        with passes_over(model, config) as passes:
            held = hold(model, world, parts)
            yield held, JointPasses(passes, held, world)
            return
    yield held, JointPasses(own, held, world)


def _experts_divided(model: Any, world: World) -> tuple[dict[str, Part], Callable[[Any], None]]:
    """What is left of the experts, and what is to be done to the model that the passes run over."""
    assert world.mesh is not None
    mesh, alone = world.mesh["expert"], world.mesh["tensor"]
    return divide_experts(model, mesh), lambda passing: send_tokens(passing, mesh, alone)


def _sharded(model: Any, config: TrainConfig, world: World, parts: dict[str, Part]) -> tuple[Held, OwnPasses]:
    whole = WholeModel(model, objective_for(config))
    assert world.mesh is not None
    offload = world.settings.offload
    shard(whole, layers_of(model), world.mesh["shard"], pass_dtype(config, model), offload=offload)
    held = hold(model, world, parts)
    return held, ShardedPasses(whole, trained_parameters(model), held.trained, offload=offload)


def _pipelined(model: Any, config: TrainConfig, world: World, parts: dict[str, Part]) -> tuple[Held, OwnPasses]:
    settings, sizes = world.settings, world.settings.sizes
    chunks = settings.chunks if settings.schedule == "interleaved" else 1
    num_pieces = sizes["pipeline"] * chunks
    owned = owned_pieces(world.places["pipeline"], sizes["pipeline"], chunks)
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    tied = f"{_name_of(model, embedding)}.weight" if head.weight is embedding.weight else None
    cut(model, owned, num_pieces)
    dtype = pass_dtype(config, model)
    is_sharded = sizes["shard"] > 1
    passing = rounded_copy(model, dtype) if dtype and not is_sharded else model
    loss = partial(cross_entropy_of_hidden, label_smoothing=config.regularisation.label_smoothing)
    pieces = {number: Piece(passing, number, num_pieces, loss) for number in owned}
    if is_sharded:
        assert world.mesh is not None
        for piece in pieces.values():
            shard(piece, layers_of(piece), world.mesh["shard"], dtype)
    held = hold(model, world, parts)
    if tied:
        held.share_between_ends(tied, _ends(world))
    before: Callable[[], None] = _nothing
    after: Callable[[], None] = _nothing
    if is_sharded:
        after = partial(take_gradients, trained_parameters(model), held.trained)
    elif passing is not model:
        before = _follow(trained_parameters(passing), held.trained)
    return held, PipelinedPasses(
        passing,
        pieces,
        num_pieces,
        world.group("pipeline"),
        tokens_divided_by=sizes["tensor"],
        dtype=dtype or torch.float32,
        before=before,
        after=after,
    )


def _nothing() -> None:
    """Gradients are where they belong."""


def _follow(copies: list[torch.Tensor], trained: list[torch.Tensor]) -> Callable[[], None]:
    """Have the gradients of rounded copies added up in float32, as soon as they are there; returns what rounds anew."""

    def add_to(weight: torch.Tensor, rounded: torch.Tensor) -> None:
        assert rounded.grad is not None
        if weight.grad is None:
            weight.grad = rounded.grad.to(weight.dtype)
        else:
            weight.grad.add_(rounded.grad)
        rounded.grad = None

    for rounded, weight in zip(copies, trained, strict=True):
        rounded.register_post_accumulate_grad_hook(partial(add_to, weight))

    def refresh() -> None:
        with torch.no_grad():
            torch._foreach_copy_(copies, trained)

    return refresh


def _name_of(model: Any, module: torch.nn.Module) -> str:
    return next(str(name) for name, each in model.named_modules() if each is module)


def _ends(world: World) -> Group:
    """The first and the last rank of this rank's pipeline."""
    assert world.mesh is not None
    columns = world.mesh.mesh.flatten(1).T if world.mesh.mesh.ndim > 1 else world.mesh.mesh[:, None].T
    pairs = [[int(column[0]), int(column[-1])] for column in columns]
    assert DIMENSIONS[0] == "pipeline"
    group, _ = dist.new_subgroups_by_enumeration(pairs)
    return Group(group)
