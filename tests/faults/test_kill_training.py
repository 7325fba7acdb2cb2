"""A few of the kills and full disks of `make prove-kills`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.prove_kills import may_mount

REPOSITORY = Path(__file__).resolve().parent.parent.parent
KILLS = 4


def test_killed_and_starved_trainings_end_with_the_same_bits() -> None:
    disks = 2 if may_mount() else 0
    command = [sys.executable, "-m", "benchmarks.prove_kills", "--short"]
    command += ["--kills", str(KILLS), "--full-disks", str(disks)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    assert found["harm"] == []
    assert found["trials"] == found["harmless"] == KILLS + disks
    assert found["checkpoints_seen"] > 0
