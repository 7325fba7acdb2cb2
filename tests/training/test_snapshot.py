"""What a snapshot holds, as safetensors itself reads it."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load, save

from danlu.training.snapshot import DTYPES, FileImage, Snapshot

SHAPES = st.lists(st.integers(0, 5), max_size=3)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
    st.tuples(SHAPES, st.sampled_from(list(DTYPES))),
    max_size=5,
)


def random_tensors(layout: dict[str, tuple[list[int], torch.dtype]]) -> dict[str, torch.Tensor]:
    return {name: (100 * torch.rand(shape)).to(dtype) for name, (shape, dtype) in layout.items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


@settings(deadline=None, max_examples=50)
@given(TENSORS)
def test_the_library_reads_what_it_would_have_written(layout: Any) -> None:
    tensors = random_tensors(layout)
    image = FileImage(tensors)
    image.fill(tensors)
    assert same(load(bytes(image.content)), load(save(tensors)))


@settings(deadline=None, max_examples=20)
@given(TENSORS)
def test_numbers_lie_at_multiples_of_their_size(layout: Any) -> None:
    tensors = random_tensors(layout)
    content = bytes(FileImage(tensors).content)
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    del header["__metadata__"]
    for name, fields in header.items():
        assert (start + fields["data_offsets"][0]) % tensors[name].element_size() == 0


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).view(3, 4).T,
        torch.arange(12.0)[::3],
        torch.tensor(3.0).expand(2, 2),
        torch.nn.Parameter(torch.ones(2)),
    ],
)
def test_views_and_parameters(tensor: torch.Tensor) -> None:
    image = FileImage({"one": tensor})
    image.fill({"one": tensor})
    assert same(load(bytes(image.content)), {"one": tensor.detach()})


def test_memory_is_used_again_while_the_layout_is_the_same() -> None:
    snapshot, parts = Snapshot(), {"a": {"x": torch.ones(4)}, "b": {"y": torch.zeros(2, dtype=torch.int64)}}
    first = snapshot.take(parts)
    parts["a"]["x"].add_(1)
    second = snapshot.take(parts)
    assert [first[name].obj.ctypes.data for name in first] == [second[name].obj.ctypes.data for name in second]  # type: ignore[attr-defined]
    assert load(bytes(second["a"]))["x"].tolist() == [2.0] * 4
    parts["b"]["z"] = torch.ones(3)
    assert same(load(bytes(snapshot.take(parts)["b"])), parts["b"])


def test_what_is_trained_further_does_not_change_the_copy() -> None:
    weights = torch.ones(3)
    files = Snapshot().take({"weights": {"w": weights}})
    weights.zero_()
    assert load(bytes(files["weights"]))["w"].tolist() == [1.0] * 3
