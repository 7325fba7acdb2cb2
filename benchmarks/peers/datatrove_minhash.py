"""datatrove's MinHash signatures of documents; prints one JSON line. Runs in an environment of its own, without Danlu.

default   as it is by itself: 5-grams of words, 14 buckets of 8 hashes of 64 bits
alike     with as many hashes as Danlu compares, of as many bits: 25 buckets of 5 hashes of 32 bits
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.hashing import HashConfig

CONFIGS = {
    "default": MinhashConfig(),
    "alike": MinhashConfig(num_buckets=25, hashes_per_bucket=5, hash_config=HashConfig(precision=32)),
}
WARM_UP = "This sentence is cut into words, so that the tokenizer is there. 这里也有一些中文。"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--mode", choices=[*CONFIGS], required=True)
    parser.add_argument("--language", required=True, help="as datatrove names it: eng, zho_Hani")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = json.loads(options.documents.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(f"{folder}/out", CONFIGS[options.mode], language=options.language)
        step.get_shingles(WARM_UP)
        documents = [Document(text=text, id=str(row)) for row, text in enumerate(texts)]
        wall, processor = time.perf_counter(), time.process_time()
        step.run(iter(documents))
        facts = {
            "processor_seconds": time.process_time() - processor,
            "wall_seconds": time.perf_counter() - wall,
        }
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
