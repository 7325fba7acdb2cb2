"""``kill -9`` at 200 moments of a training that saves after every step, and 50 disks that fill up under it: every
checkpoint that is to be seen afterwards is the undisturbed run's to the last bit, the newest is gone on from, and the
weights end with the same bits.

What is killed is the command ``danlu run benchmarks/kills.yaml``, in a process forked from one that has imported
everything and started nothing, so that a start takes a second. A workspace is killed up to four times before it may
finish. Half of the moments are drawn uniformly over the time that the training stage takes; the others wait for
something short, such as an old checkpoint being deleted, and come up to three milliseconds after it began. What a kill
hit is read off the workspace. `SIGKILL` takes the process, not the machine: what was written stays in the system's
memory, so that it is not shown here that a checkpoint outlives a power cut, for which it is synced.

The disk is a small file system in memory (tmpfs; its own user namespace gives the right to mount one where it is
missing). At a random step something else fills it up but for nothing, or for a random number of bytes. The run must end
with "The disk is full", or warn and come to its end if the room does; then room is made and it is run again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

# One thread each: the moments shall not depend on how long threads wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.common import report
from benchmarks.killing import AIMS, Lab, Run, make_lab

KILLS_PER_WORKSPACE = 4
DISK_BYTES = 2**28
ANY_MOMENT = "any moment"
UNSHARED = "--unshared"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full-disks", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    parser.add_argument("--short", action="store_true", help="only print the findings; for the tests")
    parser.add_argument(UNSHARED, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.full_disks and not options.unshared and not may_mount():
        command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "benchmarks.prove_kills"]
        os.execvp(command[0], [*command, *sys.argv[1:], UNSHARED])

    choose = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="danlu-kills-") as directory:
        lab = make_lab(Path(directory))
        print(f"undisturbed: {lab.seconds:.1f} s, model {lab.model_sha256[:16]}", flush=True)
        kills = kill_all(lab, options.kills, choose)
        disks = [fill_up(lab, choose, number + 1, options.full_disks) for number in range(options.full_disks)]

    trials = [*kills, *disks]
    harmless = sum(not trial["harm"] for trial in trials)
    findings: dict[str, Any] = {
        "kills_by_what_was_hit": dict(Counter(kill["hit"] for kill in kills)),
        "disks_by_outcome": dict(Counter(disk["outcome"] for disk in disks)),
        "checkpoints_seen": sum(len(trial["checkpoints"]) for trial in trials),
        "harm": [harm for trial in trials for harm in trial["harm"]],
    }
    if options.short:
        print(json.dumps({"trials": len(trials), "harmless": harmless, **findings}))
        return
    met = report(
        "prove_kills",
        harmless,
        options.kills + options.full_disks,
        undisturbed_seconds=round(lab.seconds, 2),
        model_sha256=lab.model_sha256,
        seed=options.seed,
        **findings,
        mounted="in a user namespace of its own" if options.unshared else "with the rights of the user",
        kills=kills,
        disks=disks,
    )
    sys.exit(not met)


def kill_all(lab: Lab, count: int, choose: random.Random) -> list[dict[str, Any]]:
    """Kill so many times; what each kill hit and the harm that was found, that of the finished run included."""
    kills: list[dict[str, Any]] = []
    while len(kills) < count:
        workspace = lab.new_workspace()
        here: list[dict[str, Any]] = []
        run = Run(lab, workspace)
        while len(here) < KILLS_PER_WORKSPACE and len(kills) + len(here) < count:
            aim = next_aim([kill["aim"] for kill in (*kills, *here)])
            if run.killed_at(lab.moment(aim, choose, run)) is not None:
                break  # It was done before the moment came.
            here.append({"aim": aim, **run.facts()})
            print(f"kill {len(kills) + len(here)} of {count}: {here[-1]}", flush=True)
            run = Run(lab, workspace)
        harm = lab.harm_of_finished(workspace, run.finish()) + run.harm
        if here:
            here[-1]["harm"] = here[-1]["harm"] + harm
        kills += here
        shutil.rmtree(workspace)
    return kills


def next_aim(aims: list[str]) -> str:
    """What to aim at after kills with these aims: half of all at any moment, the others in equal shares."""
    if 2 * aims.count(ANY_MOMENT) <= len(aims):
        return ANY_MOMENT
    return min(AIMS, key=aims.count)


def fill_up(lab: Lab, choose: random.Random, number: int, count: int) -> dict[str, Any]:
    """Fill the disk at a random step of a run; what came of it and the harm that was found."""
    disk = lab.directory / "disk"
    disk.mkdir()
    mount(disk)
    workspace = lab.new_workspace(disk)
    run = Run(lab, workspace)
    try:
        step = choose.randrange(1, lab.num_steps)
        left_bytes = choose.choice([0, choose.randrange(2 * lab.checkpoint_bytes)])
        run.wait_for(lambda: run.steps_made() >= step)
        filler = disk / "filler"
        fill(filler, left_bytes)
        status = run.finish()
        outcome = {0: "came to its end", 2: "ended with a word"}.get(status, f"exit status {status}")
        facts = {"warnings": run.warnings(), **run.facts()}
        del facts["hit"]
        if status not in (0, 2) or (status == 2 and "The disk is full" not in run.said()):
            facts["harm"].append(f"exit status {status}: {run.said()}")
        filler.unlink()
        run = Run(lab, workspace)
        facts["harm"] += lab.harm_of_finished(workspace, run.finish()) + run.harm
        found = {"step": step, "left_bytes": left_bytes, "outcome": outcome, **facts}
        print(f"full disk {number} of {count}: {found}", flush=True)
        return found
    finally:
        run.kill()
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def fill(filler: Path, left_bytes: int) -> None:
    """Take all that is free on the disk but so many bytes, while others write to it too."""
    with filler.open("wb") as file:
        while (taken := shutil.disk_usage(filler.parent).free - left_bytes) > 0:
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, taken)


def mount(place: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "danlu-kills", str(place)], check=True)


def may_mount() -> bool:
    """Whether this user may mount a file system."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "danlu-kills", directory]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
            return False
        subprocess.run(["umount", directory], check=True)
        return True


if __name__ == "__main__":
    main()
