"""``python -m danlu``, which torchrun starts as ``torchrun ... -m danlu run RECIPE``."""

from __future__ import annotations

from danlu.cli.main import main

if __name__ == "__main__":
    main()
