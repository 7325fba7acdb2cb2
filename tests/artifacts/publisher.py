"""Publishes in a process of its own: ``publisher.py ROOT ID TEXT`` or ``publisher.py ROOT --kill-at-each-sync``.

In the first form it says ``filled`` when the payload is there and publishes when it reads a line. In the second it
publishes again and again under ``ROOT/<n>``, each time in a child that kills itself at its n-th write-through to disk,
until a child lives to the end; it says how many were killed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from danlu.artifacts.manifest import Manifest
from danlu.artifacts.store import Artifact, ArtifactStore


def fill(directory: Path, text: str) -> None:
    (directory / "deep" / "er").mkdir(parents=True)
    (directory / "a.txt").write_text(text)
    (directory / "deep" / "er" / "b.txt").write_text(text * 1000)
    (directory / "empty").touch()


def manifest(artifact_id: str) -> Manifest:
    return Manifest(
        id=artifact_id,
        kind="model",
        stage="toy",
        name="toy",
        stage_version=1,
        settings={},
        created="2026-01-02T03:04:05+00:00",
        seconds=0.0,
        peak_memory_bytes=0,
    )


def publish(store: ArtifactStore, artifact_id: str, text: str) -> Artifact:
    with store.publish("model", artifact_id) as (out, commit):
        fill(out, text)
        return commit(manifest(artifact_id))


def publish_when_told(store: ArtifactStore, artifact_id: str, text: str) -> None:
    with store.publish("model", artifact_id) as (out, commit):
        fill(out, text)
        print("filled", flush=True)
        sys.stdin.readline()
        print(commit(manifest(artifact_id)).path, flush=True)


def kill_at_each_sync(root: Path) -> None:
    fsync = os.fsync
    num_killed = 0
    while True:
        child = os.fork()
        if child == 0:
            left = num_killed

            def fsync_or_die(descriptor: int) -> None:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                fsync(descriptor)

            os.fsync = fsync_or_die
            publish(ArtifactStore(root / str(num_killed)), "0123456789abcdef", "x")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == 0:
            break
        num_killed += 1
    print(num_killed)


if __name__ == "__main__":
    if sys.argv[2] == "--kill-at-each-sync":
        kill_at_each_sync(Path(sys.argv[1]))
    else:
        publish_when_told(ArtifactStore(Path(sys.argv[1])), sys.argv[2], sys.argv[3])
