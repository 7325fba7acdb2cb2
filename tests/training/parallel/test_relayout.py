"""A checkpoint of any layout is read in any other, to the last bit; torch.distributed.checkpoint reads it, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from danlu.training.checkpoint_pieces import Box, Pieces
from ranks import on_ranks

LAYOUTS: list[dict[str, Any]] = [{name: 2} for name in ("data", "shard", "tensor", "pipeline", "context")]


def tensors_of(directory: Path) -> dict[str, torch.Tensor]:
    pieces = Pieces(directory)
    return {name: pieces.read(name) for name in pieces.names()}


def test_every_layout_goes_on_from_every_other(tmp_path: Path) -> None:
    found, _ = on_ranks("layout_training:save_and_restore", 2, {"directory": str(tmp_path), "layouts": LAYOUTS})
    for one in range(len(LAYOUTS)):
        saved = tensors_of(tmp_path / f"{one}" / "step-3")
        assert {name.partition("/")[2] for name in saved} == {"", "exp_avg", "exp_avg_sq", "step"}
        for other in range(len(LAYOUTS)):
            again = tensors_of(tmp_path / f"{one}-{other}" / "step-3")
            assert again.keys() == saved.keys()
            for name, tensor in saved.items():
                assert torch.equal(again[name], tensor), (LAYOUTS[one], LAYOUTS[other], name)
            assert found[f"{one}-{other}"] == pytest.approx(found[f"{one}"], rel=1e-5)


def test_torchs_own_reader_puts_it_together_alike(tmp_path: Path) -> None:
    from torch.distributed.checkpoint import load
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

    on_ranks("layout_training:save_and_restore", 2, {"directory": str(tmp_path), "layouts": [{"shard": 2}]})
    expected = tensors_of(tmp_path / "0" / "step-3")
    read = {name: torch.empty_like(tensor) for name, tensor in expected.items() if tensor.ndim}
    load(read, storage_reader=HuggingFaceStorageReader(str(tmp_path / "0" / "step-3")), no_dist=True)
    for name, tensor in read.items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize(("offsets", "shape"), [((0, 0), (5, 4)), ((1, 2), (3, 2)), ((4, 3), (1, 1)), ((2, 0), (0, 4))])
def test_a_box_is_cut_out_of_several_files(tmp_path: Path, offsets: tuple[int, ...], shape: tuple[int, ...]) -> None:
    from danlu.training.snapshot import Snapshot

    whole = torch.arange(20.0).view(5, 4)
    for number, (rows, columns) in enumerate([((0, 2), (0, 4)), ((2, 5), (0, 1)), ((2, 5), (1, 4))]):
        part = {"one": whole[slice(*rows), slice(*columns)].contiguous()}
        files = Snapshot().take({"file": part}, {"one": (rows[0], columns[0])})
        (tmp_path / f"{number}.safetensors").write_bytes(files["file"])
    pieces = Pieces(tmp_path)
    assert pieces.shape("one") == (5, 4)
    first, second = offsets
    expected = whole[first : first + shape[0], second : second + shape[1]]
    assert torch.equal(pieces.read("one", Box(offsets, shape)), expected)


def test_what_no_file_has_is_an_error(tmp_path: Path) -> None:
    from danlu.training.snapshot import Snapshot

    files = Snapshot().take({"file": {"one": torch.ones(2, 3)}}, {"one": (2, 0)})
    (tmp_path / "a.safetensors").write_bytes(files["file"])
    with pytest.raises(KeyError, match="6 numbers of 12"):
        Pieces(tmp_path).read("one")
