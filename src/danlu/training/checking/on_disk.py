"""The subject as artifacts on the disk, for processes that read them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.tokens import TokenStore, write_index, write_shard
from danlu.models.files import save_config, save_tokenizer
from danlu.models.load import load_for, load_tokenizer, read_config
from danlu.models.probe import config_from
from danlu.models.tasks import task_of
from danlu.telemetry.reporter import Reporter
from danlu.training.checking.quietly import quietly
from danlu.training.checking.subject import Subject

LARGE_VOCABULARY = 2**17
"""Ids are kept in four bytes."""


def context_on_disk(subject: Subject, directory: Path) -> StageContext:
    """The stage's context with the pieces of its data and the layers of its model that are checked.

    Args:
        subject: What is checked.
        directory: Where all of that is written, and where the stage works.
    """
    data = []
    for number, (each, source) in enumerate(zip(subject.context.inputs["data"], subject.data.sources, strict=True)):
        folder = directory / f"data-{number}"
        for split, store in (("train", source.store), ("validation", source.validation)):
            _write_split(store, folder / split)
        data.append(_moved(each, folder, source.facts))
    model = subject.context.input("model")
    if subject.layers:
        folder = directory / "model"
        _save(subject, folder)
        model = _moved(model, folder, {**model.facts, "config": {**model.facts["config"], **subject.layers}})
    return replace(
        subject.context,
        directory=directory / "stage",
        reporter=Reporter([]),
        inputs={"model": [model], "data": data},
    )


def _moved(each: Input, path: Path, facts: Mapping[str, Any]) -> Input:
    assert each.artifact is not None
    return replace(each, artifact=replace(each.artifact, path=path), facts=facts)


def _write_split(store: TokenStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, shard in enumerate(store.shards):
        write_shard(folder, number, shard, LARGE_VOCABULARY)
    names = pa.array([str(number) for number in range(store.num_documents)], pa.string())
    write_index(
        folder,
        store.document_lengths,
        pa.table({"id": names, "source": names, "row": range(store.num_documents)}),
        supervised=store.supervised,
        row_offsets=store.row_offsets,
        word_starts=store.word_starts,
        labels=store.labels,
        scores=store.scores,
    )


def _save(subject: Subject, out: Path) -> None:
    """The first layers of the model, with the head it has."""
    path = subject.context.input("model").path
    config = {**read_config(path), **subject.layers}
    with quietly():
        model = load_for(task_of(config), path, dtype=torch.float32, config=config_from(config))
    model.save_pretrained(str(out), safe_serialization=True)
    save_config(model.config, out)
    save_tokenizer(load_tokenizer(path), out)
