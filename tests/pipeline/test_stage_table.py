"""A recipe is checked without waiting for libraries."""

from __future__ import annotations

import subprocess
import sys

from danlu.pipeline.stages import STAGES

HEAVY = {"torch", "transformers", "numpy", "pyarrow", "numba", "scipy", "sklearn"}


def test_settings_of_stages_import_nothing_heavy() -> None:
    code = (
        f"import sys\nfrom danlu.pipeline.stages import STAGES\n[STAGES[name].config_class() for name in {[*STAGES]}]\n"
    )
    code += "print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
