"""A tokenizer trained, and text encoded, beside the tokenizers library: the same merges and the same ids, on one core.

The text is the poetry of Tang, Song and Yuan: 0.34 million documents in Chinese, whose words are whole half-lines, so
that most of them occur once. It is cut into words as by default (qwen2), and as GPT-2 cuts it, which leaves punctuation
to itself. Danlu's figures hold all it does: the comparison with the library on a sample, the file of words. The
library trains with `BpeTrainer.train_from_iterator` and encodes with `encode_batch_fast`, its fastest. Each run is a
process of its own, begins with nothing known, and has one core; what is compared is processor time, since it does not
count what others take. Programs take turns, and the figure is the median over the rounds of the ratio within a round.
One merge or id that differs, and the bar is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import CACHE, REPOSITORY, interleave, last_json, median_ratio, report, versions
from danlu.models.files import save_tokenizer
from danlu.models.gguf.pre_tokenizers import PRE_TOKENIZERS, build
from danlu.models.load import load_tokenizer
from danlu.sources.fetch import fetch
from danlu.telemetry.reporter import Reporter
from danlu.tokens.byte_letters import BYTE_LETTERS
from danlu.tokens.encoder import Encoder
from danlu.tokens.vocabulary.build import build_tokenizer
from danlu.tokens.vocabulary.config import SpecialTokens
from danlu.tokens.vocabulary.merges import train_merges

PACKAGE = "npm:chinese-poetry@2.0.1"
POEMS = {"quantangshi": "poet.*.json", "songci": "ci.song.*.json", "yuanqu": "yuanqu.json"}
VOCABULARY_SIZE = 16_000
DOCUMENTS_PER_CALL = 1000

BAR_TRAINING = 3.0
BAR_ENCODING = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pre-tokenizers", nargs="+", default=["qwen2", "gpt-2"], choices=list(PRE_TOKENIZERS))
    parser.add_argument("--worker", choices=list(WORKERS), help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options.directory, *options.pre_tokenizers)), flush=True)
        return

    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="danlu-tokenizer-") as name:
        directory = Path(name)
        documents = read_poems()
        (directory / "documents.json").write_text(json.dumps(documents, ensure_ascii=False), encoding="utf-8")
        num_bytes = sum(len(document.encode()) for document in documents)
        print(f"{len(documents):,} documents, {num_bytes / 1e6:.1f} MB", flush=True)

        def measure(number: int, *, worker: str, pre_tokenizer: str) -> float:
            facts = run_worker(worker, directory, pre_tokenizer)
            runs.append({"program": f"{worker} {pre_tokenizer}", "round": number, **facts})
            return num_bytes / 1e6 / float(facts["processor_seconds"])

        programs = {
            f"{worker} {pre_tokenizer}": partial(measure, worker=worker, pre_tokenizer=pre_tokenizer)
            for pre_tokenizer in options.pre_tokenizers
            for worker in WORKERS
        }
        speeds = interleave(options.rounds, programs)

    shared: dict[str, Any] = {
        "num_documents": len(documents),
        "num_bytes": num_bytes,
        "vocabulary_size": VOCABULARY_SIZE,
        "megabytes_per_processor_second": speeds,
        "packages": versions(("tokenizers", "gigabpe", "fastokens")),
        "runs": runs,
    }
    met = [
        compare(f"{job} {pre_tokenizer}", bar, speeds, runs, shared)
        for pre_tokenizer in options.pre_tokenizers
        for job, bar in (("training", BAR_TRAINING), ("encoding", BAR_ENCODING))
    ]
    sys.exit(not all(met))


def compare(
    job: str, bar: float, speeds: dict[str, list[float]], runs: list[dict[str, Any]], shared: dict[str, Any]
) -> bool:
    """Report how many times as fast Danlu does a job; whether it reaches the bar with the same result every time."""
    ours, theirs = f"danlu {job}", f"tokenizers {job}"
    ratio = round(median_ratio(speeds[ours], speeds[theirs]), 2)
    identical = len({run["result"] for run in runs if run["program"] in (ours, theirs)}) == 1
    print(f"{ours} is {ratio} times as fast; the results are {'identical' if identical else 'DIFFERENT'}", flush=True)
    name = f"tokenizer_{job}_speed_over_hf".replace(" ", "_").replace("-", "")
    return report(name, ratio, bar, met=identical and ratio >= bar, identical=identical, **shared)


def read_poems() -> list[str]:
    """Each poem: its title, or tune, and its lines."""
    documents = []
    for folder, pattern in POEMS.items():
        source = fetch(f"{PACKAGE}#dist/{folder}", cache=CACHE, reporter=Reporter())
        for path in sorted(source.path.glob(pattern)):
            for poem in json.loads(path.read_text(encoding="utf-8")):
                title = poem.get("title") or poem.get("rhythmic", "")
                documents.append("\n".join([title, *poem["paragraphs"]]))
    return documents


def run_worker(worker: str, directory: Path, pre_tokenizer: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_tokenizer", "--worker", worker, "--directory", str(directory)]
    command += ["--pre-tokenizers", pre_tokenizer]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    if finished.returncode != 0:
        sys.exit(f"{worker} ended with {finished.returncode}:\n{finished.stderr}")
    return last_json(finished.stdout)


def measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Do some work on one core; its result, and what it took."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "processor_seconds": time.process_time() - processor,
        "wall_seconds": time.perf_counter() - wall,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def read_documents(directory: Path) -> list[str]:
    documents: list[str] = json.loads((directory / "documents.json").read_text(encoding="utf-8"))
    return documents


def train_theirs(directory: Path, pre_tokenizer: str) -> dict[str, Any]:
    from tokenizers import Tokenizer, models, trainers

    documents = read_documents(directory)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = build(PRE_TOKENIZERS[pre_tokenizer])
    trainer: Any = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=SpecialTokens().all,
        initial_alphabet=BYTE_LETTERS,
        show_progress=False,
    )
    _, facts = measured(lambda: backend.train_from_iterator(documents, trainer))
    merges = json.loads(backend.to_str())["model"]["merges"]
    return {**facts, "result": digest(json.dumps(merges).encode()), "num_merges": len(merges)}


def train_ours(directory: Path, pre_tokenizer: str) -> dict[str, Any]:
    documents = read_documents(directory)
    batches = [documents[first : first + DOCUMENTS_PER_CALL] for first in range(0, len(documents), DOCUMENTS_PER_CALL)]
    count = VOCABULARY_SIZE - len(BYTE_LETTERS) - len(SpecialTokens().all)
    entry = PRE_TOKENIZERS[pre_tokenizer]
    merges, facts = measured(lambda: train_merges(lambda: iter(batches), count, entry, Reporter()))
    save_tokenizer(build_tokenizer(merges, entry, SpecialTokens()), directory)
    return {**facts, "result": digest(json.dumps(merges).encode()), "num_merges": len(merges)}


def encode_theirs(directory: Path, pre_tokenizer: str) -> dict[str, Any]:
    documents, backend = read_documents(directory), load_tokenizer(directory).backend_tokenizer

    def work() -> list[list[int]]:
        ids = []
        for first in range(0, len(documents), DOCUMENTS_PER_CALL):
            block = documents[first : first + DOCUMENTS_PER_CALL]
            ids += [encoding.ids for encoding in backend.encode_batch_fast(block, add_special_tokens=False)]
        return ids

    ids, facts = measured(work)
    flat = np.concatenate([np.array(each, np.int32) for each in ids])
    offsets = np.cumsum([0, *map(len, ids)], dtype=np.int64)
    return {**facts, "result": digest(flat.tobytes() + offsets.tobytes()), "num_tokens": len(flat)}


def encode_ours(directory: Path, pre_tokenizer: str) -> dict[str, Any]:
    documents, tokenizer = read_documents(directory), load_tokenizer(directory)
    (flat, offsets), facts = measured(lambda: Encoder(tokenizer, Reporter()).encode(documents))
    return {**facts, "result": digest(flat.tobytes() + offsets.tobytes()), "num_tokens": len(flat)}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# In this order: what is encoded with is what was trained last.
WORKERS: dict[str, Callable[[Path, str], dict[str, Any]]] = {
    "tokenizers training": train_theirs,
    "danlu training": train_ours,
    "tokenizers encoding": encode_theirs,
    "danlu encoding": encode_ours,
}


if __name__ == "__main__":
    main()
