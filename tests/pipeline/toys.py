"""Small stages in place of the real ones: write numbers, add them up, compare, release. No torch, milliseconds each.

Each toy is a module-like object in `TABLE`; recipes for them are in `RECIPE`.
"""

from __future__ import annotations

import errno
import json
import sys
import time
import types
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Estimate, Reference, SourceList, StageConfig, StageContext
from danlu.pipeline.stages import StageType

RECIPE = """\
name: toy
stages:
  rows: {do: toy-rows, count: 5}
  sum:
    do: toy-sum
    data: rows.train
    factor: 2
  other: {do: toy-sum, data: rows.test, factor: 3}
  proof: {do: toy-compare, models: [sum, other]}
"""


class Near(Strict):
    near: float = Field(default=0.8, gt=0, le=1)
    keep: Literal["first", "last"] = "first"


class RowsConfig(StageConfig):
    KIND: ClassVar[str] = "examples"

    do: Literal["toy-rows"]
    count: int = Field(default=3, ge=1)
    title: str = "numbers"
    deduplicate: Near | None = None
    shuffle: bool = False
    from_: Annotated[list[str] | str, SourceList()] = Field(default_factory=list, alias="from")


class SumConfig(StageConfig):
    KIND: ClassVar[str] = "model"

    do: Literal["toy-sum"]
    data: Annotated[str, Reference(("examples",))]
    factor: float = 1
    seconds: float = 0
    fail: str | None = None
    write_bytes: int = 0
    disk_bytes: int = 1000


class CompareConfig(StageConfig):
    KIND: ClassVar[str] = "report"

    do: Literal["toy-compare"]
    models: Annotated[list[str], Reference(("model",))] = Field(min_length=1)
    base: Annotated[str, Reference(("model",))] | None = None


class ReleaseConfig(StageConfig):
    KIND: ClassVar[str] = "release"

    do: Literal["toy-release"]
    name: str
    model: Annotated[str, Reference(("model",))]


def rows_plan(config: RowsConfig, context: StageContext) -> Estimate:
    return Estimate(
        seconds=0.1,
        peak_memory_bytes=2**32,
        disk_bytes=100,
        notes=[f"{config.count} rows"],
        facts={"count": config.count},
    )


def rows_run(config: RowsConfig, context: StageContext, out: Path) -> dict[str, Any]:
    found = [source.path.read_text() for source in context.sources["from"]]
    for split in ("train", "test"):
        (out / f"{split}.json").write_text(json.dumps([*range(config.count), *found]))
    return {"count": config.count}


def sum_plan(config: SumConfig, context: StageContext) -> Estimate:
    assert context.input("data").facts["count"] > 0
    return Estimate(
        seconds=config.seconds, peak_memory_bytes=2**32, disk_bytes=config.disk_bytes, preview="first batch", facts={}
    )


def sum_run(config: SumConfig, context: StageContext, out: Path) -> dict[str, Any]:
    given = context.input("data")
    numbers = json.loads((given.path / f"{given.part}.json").read_text())
    checkpoint = context.directory / "checkpoint.json"
    done, total = json.loads(checkpoint.read_text()) if checkpoint.exists() else (0, 0)
    with context.reporter.progress("adding", len(numbers), "numbers") as task:
        task.advance(done)
        for number in numbers[done:]:
            time.sleep(config.seconds / len(numbers))
            done, total = done + 1, total + number * config.factor
            aside = checkpoint.with_suffix(".partial")
            aside.write_text(json.dumps([done, total]))
            aside.replace(checkpoint)
            task.advance()
    if config.fail == "disk":
        raise RuntimeError("could not write") from OSError(errno.ENOSPC, "No space left on device")
    if config.fail == "interrupt":
        raise KeyboardInterrupt
    if config.fail:
        raise RuntimeError(config.fail)
    (out / "padding.bin").write_bytes(bytes(config.write_bytes))
    (out / "total.json").write_text(json.dumps(total))
    return {"total": total}


def compare_plan(config: CompareConfig, context: StageContext) -> Estimate:
    return Estimate(seconds=0.1, peak_memory_bytes=2**32, disk_bytes=100)


def compare_run(config: CompareConfig, context: StageContext, out: Path) -> dict[str, Any]:
    totals = {given.name: given.facts["total"] for given in context.inputs["models"]}
    context.reporter.warn(f"{len(totals)} models compared")
    (out / "report.json").write_text(json.dumps(totals))
    return {"totals": totals}


def release_run(config: ReleaseConfig, context: StageContext, out: Path) -> dict[str, Any]:
    (out / "release.json").write_text("{}")
    artifact = context.input("model").artifact
    assert artifact
    return {"name": config.name, "model": artifact.id}


def _module(name: str, plan: Any, run: Any, *, prepares: bool = False, version: int = 1) -> None:
    module = types.ModuleType(name)
    vars(module).update(VERSION=version, PREPARES=prepares, plan=plan, run=run)
    sys.modules[name] = module


_module("toy_rows", rows_plan, rows_run, prepares=True)
_module("toy_sum", sum_plan, sum_run)
_module("toy_compare", compare_plan, compare_run)
_module("toy_release", compare_plan, release_run)

TABLE = {
    "toy-rows": StageType("toys:RowsConfig", "toy_rows"),
    "toy-sum": StageType("toys:SumConfig", "toy_sum"),
    "toy-compare": StageType("toys:CompareConfig", "toy_compare"),
    "toy-release": StageType("toys:ReleaseConfig", "toy_release"),
}
