"""One timed pass of trafilatura over pages; prints one JSON line. Runs in its own environment, without Danlu.

default    as it comes, without comments (``include_comments=False``), since these are no part of the main text
fast       with ``fast=True``: without its second and third algorithm
precision  with ``favor_precision=True``
recall     with ``favor_recall=True``
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from trafilatura import extract

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": {"fast": True},
    "precision": {"favor_precision": True},
    "recall": {"favor_recall": True},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", required=True, help="file with a path in each line")
    parser.add_argument("--configuration", required=True, choices=CONFIGURATIONS)
    parser.add_argument("--texts", required=True, help="file for the outcomes, a JSON list")
    options = parser.parse_args()

    logging.disable(logging.CRITICAL)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    arguments = {"include_comments": False, **CONFIGURATIONS[options.configuration]}
    pages = [Path(line).read_bytes() for line in Path(options.pages).read_text(encoding="utf-8").splitlines()]
    extract(
        "<html><body><article><p>" + "Warm words for a cold start. " * 20 + "</p></article></body></html>", **arguments
    )
    wall, processor = time.perf_counter(), time.process_time()
    texts = [extract(page, **arguments) or "" for page in pages]
    facts = {"processor_seconds": time.process_time() - processor, "wall_seconds": time.perf_counter() - wall}
    Path(options.texts).write_text(json.dumps(texts), encoding="utf-8")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
