"""Making one artifact: taken from the store when it is there and whole, else made by its stage and published."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime

from danlu.artifacts.manifest import Manifest
from danlu.artifacts.stage import CHECKPOINTS
from danlu.artifacts.store import Artifact
from danlu.pipeline.environment import environment
from danlu.pipeline.steps import Job, Made, Step
from danlu.telemetry.resources import Measured


def find_whole(job: Job, step: Step) -> Artifact | None:
    """The artifact this step would make, if it is in the store and every hash is right. A damaged one is removed."""
    kind = step.stage.config.kind
    path = job.store.path(kind, step.id)
    if not path.exists():
        return None
    artifact = job.store.find(kind, step.id)
    damage = "its artifact.json is missing or unreadable" if artifact is None else job.store.damage(artifact)
    if artifact is not None and damage is None:
        _delete_checkpoints(job, step)  # of a run that was killed between publishing and doing this
        return _restated(job, step, artifact)
    job.reporter.bind(stage=step.name).warn(f"{kind} {step.id} is damaged ({damage}); it is removed and made again.")
    doomed = path.with_name(f".removed-{step.id}-{os.getpid()}")
    path.rename(doomed)
    shutil.rmtree(doomed)
    return None


def _restated(job: Job, step: Step, artifact: Artifact) -> Artifact:
    """With what this run says of it, where it was said otherwise when it was made."""
    said = {name: step.settings[name] for name in step.stage.config.RESTATED if name in step.settings}
    changed = {name: value for name, value in said.items() if artifact.manifest.settings.get(name) != value}
    if not changed:
        return artifact
    reporter = job.reporter.bind(stage=step.name)
    reporter.say(f"{', '.join(sorted(changed))}: the artifact takes over what this run says.")
    return job.store.restate(artifact, changed)


def make(job: Job, step: Step, made: Mapping[str, Made]) -> Artifact:
    """Run the stage and publish what it made. `made` holds the artifacts of all stages before it."""
    context = step.context(job, made)
    context.directory.mkdir(parents=True, exist_ok=True)
    kind = step.stage.config.kind
    with job.store.publish(kind, step.id) as (out, publish):
        with job.blaming(step.name), Measured() as measured:
            facts = step.module.run(step.stage.config, context, out)
        publish(
            Manifest(
                id=step.id,
                kind=kind,
                stage=step.stage.do,
                name=step.name,
                stage_version=step.module.VERSION,
                settings=step.settings,
                parents=step.parents,
                sources=[source.record for found in step.sources.values() for source in found],
                environment=environment(),
                facts=facts,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                seconds=round(measured.seconds, 3),
                peak_memory_bytes=measured.peak_memory_bytes,
            )
        )
    artifact = job.store.find(kind, step.id)  # as it will be read from now on
    assert artifact is not None
    _delete_checkpoints(job, step)
    return artifact


def _delete_checkpoints(job: Job, step: Step) -> None:
    """Delete what a stopped stage would have gone on from, now that its artifact is in the store."""
    shutil.rmtree(step.directory(job) / CHECKPOINTS, ignore_errors=True)


def register(job: Job, artifact: Artifact) -> None:
    """Give a release its version number; nothing for other kinds."""
    if artifact.kind == "release":
        from danlu.registry.registry import Registry

        Registry.open(job.workspace).register(artifact.facts["name"], artifact)
